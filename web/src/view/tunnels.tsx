import { useEffect, useRef } from "preact/hooks";
import { reload, tunnels } from "../data";
import { mayAct, me } from "../live";
import { go, route } from "../route";
import { t } from "../words";
import { Drop } from "./tunnels/drop";
import { Edit } from "./tunnels/edit";
import { Import } from "./tunnels/import";
import { List } from "./tunnels/list";
import { One } from "./tunnels/one";

export { Welcome } from "./welcome";

/** Tunnels and groups: all of them, one of them, and how they come here and are changed. */
export function Tunnels() {
  const { about, act } = route.value;
  const looks = me.value.role === "operator" || me.value.role === "admin";
  useEffect(() => {
    if (looks && !tunnels.value) void reload().catch(() => {});
  }, [looks]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      document.getElementById("view")!.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [about, act]);
  return (
    <>
      {!looks ? <Closed /> : act === "import" && mayAct.value ? <Import /> : (act === "edit" || act === "new") && mayAct.value ? <Edit key={about + act} name={about} /> : about ? <One key={about} name={about} /> : <List />}
      {mayAct.value && act !== "edit" && act !== "new" && <Drop then={() => go("tunnels", "", "import")} />}
    </>
  );
}

function Closed() {
  return (
    <>
      <h1>{t("tunnels.title")}</h1>
      <p class="line">{t("now.limited")}</p>
    </>
  );
}
