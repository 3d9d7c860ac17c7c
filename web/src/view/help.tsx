import { me } from "../live";
import { t } from "../words";
import { About, Commands, States } from "./help/about";
import { Bundle } from "./help/bundle";
import { Diagnosis } from "./help/diagnosis";
import { Log } from "./help/log";

/** What is wrong, what the service says, what to hand to whoever helps, and what the words mean. */
export function Help() {
  const mayRead = me.value.role === "operator" || me.value.role === "admin";
  return (
    <>
      <h1>{t("nav.help")}</h1>
      {mayRead ? <Inside /> : <p class="line">{t("settings.viewer")}</p>}
      <States />
      <Commands />
      <About />
    </>
  );
}

const Inside = () => (
  <>
    <Diagnosis />
    <Log />
    <Bundle />
  </>
);
