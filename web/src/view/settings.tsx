import { useEffect } from "preact/hooks";
import { Refused } from "../part/refused";
import { t } from "../words";
import { Field } from "./settings/field";
import { Notify } from "./settings/notify";
import { Look } from "./settings/personal";
import { Profile } from "./settings/profile";
import { others, sections, type Section } from "./settings/section";
import { Sessions } from "./settings/sessions";
import { keepSettings, refused, settings } from "./settings/store";
import { barred } from "./settings/who";
import type { Setting } from "../types";

/** What may be chosen: for this computer first, then for the person alone. */
export function Settings() {
  useEffect(keepSettings, []);
  const all = settings.value;
  return (
    <>
      <h1>{t("nav.settings")}</h1>
      {refused.value && <Refused why={refused.value} />}
      {all && <Computer all={all} />}
      <header class="part"><h2>{t("settings.person")}</h2><p class="lead">{t("settings.person.what")}</p></header>
      <Notify />
      <Look />
      <Sessions />
    </>
  );
}

/** The service's settings. One that is new and has no place yet comes last. */
function Computer({ all }: { all: Setting[] }) {
  const rest = others(all);
  return (
    <>
      <header class="part"><h2>{t("settings.computer")}</h2><p class="lead">{barred() || t("settings.computer.what")}</p></header>
      {sections.map((s) => <Part key={s.name} s={s} all={all} />)}
      {rest.length > 0 && <Part s={{ name: "other", plain: rest.map((s) => s.key), more: [] }} all={all} />}
    </>
  );
}

function Part({ s, all }: { s: Section; all: Setting[] }) {
  const found = (keys: string[]) => keys.flatMap((k) => all.find((x) => x.key === k) ?? []);
  const plain = found(s.plain), more = found(s.more), profile = all.find((x) => x.key === "profile");
  if (plain.length + more.length === 0) return null;
  const changed = more.filter((x) => x.value !== x.default).length;
  return (
    <section id={"settings-" + s.name}>
      <h2>{t("settings." + s.name)}</h2>
      <p class="lead">{t(`settings.${s.name}.what`)}</p>
      {s.name === "noticing" && profile && <Profile s={profile} />}
      {plain.map((x) => <Field key={x.key} s={x} />)}
      {more.length > 0 && (
        <details>
          <summary>{t("settings.more", { count: more.length })}{changed > 0 && <small class="tag">{t("settings.moreChanged", { count: changed })}</small>}</summary>
          {more.map((x) => <Field key={x.key} s={x} />)}
        </details>
      )}
    </section>
  );
}
