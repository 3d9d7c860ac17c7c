import type { ComponentChildren } from "preact";
import { about, prefer, prefs } from "../../live";
import { attempt, say } from "../../part/toast";
import { t } from "../../words";
import type { Prefs } from "../../types";

/** Keeps the preference of a name, and offers the way back to what was. */
export const keep = (name: string, change: object, back: object) =>
  attempt(async () => {
    await prefer(change);
    say(t("settings.kept", { name }), () => prefer(back));
  });

interface LineProps { id: string; name: string; help?: string; children: ComponentChildren }

/** One preference: its name, what it does, and its input. */
export const Line = ({ id, name, help, children }: LineProps) => (
  <div class="set">
    <div>
      <label for={id}><b>{name}</b></label>
      {help && <p class="small" id={id + "-help"}>{help}</p>}
    </div>
    <div class="value">{children}</div>
  </div>
);

interface SwitchProps { id: string; name: string; help?: string; on: boolean; put: (on: boolean) => unknown; off?: boolean }

export const Switch = ({ id, name, help, on, put, off }: SwitchProps) => (
  <Line id={id} name={name} help={help}>
    <input
      type="checkbox" role="switch" id={id} checked={on} disabled={off || about.value?.readOnly}
      aria-describedby={help ? id + "-help" : undefined} onChange={(e) => put(e.currentTarget.checked)}
    />
  </Line>
);

/** The name of a language, in itself. */
const ownName = (tag: string) => new Intl.DisplayNames(tag, { type: "language" }).of(tag);

/** How the page looks, and whether the icon starts with the person's session. */
export function Look() {
  const p = prefs.value!, fixed = about.value!.readOnly;
  return (
    <section>
      <h2>{t("settings.look")}</h2>
      <Line id="language" name={t("settings.language")}>
        <select id="language" value={p.language} disabled={fixed} onChange={(e) => keep(t("settings.language"), { language: e.currentTarget.value }, { language: p.language })}>
          <option value="auto">{t("settings.language.auto")}</option>
          {about.value!.languages.map((tag) => <option key={tag} value={tag} lang={tag}>{ownName(tag)}</option>)}
        </select>
      </Line>
      <Line id="theme" name={t("settings.theme")}>
        <select id="theme" value={p.theme} disabled={fixed} onChange={(e) => keep(t("settings.theme"), { theme: e.currentTarget.value as Prefs["theme"] }, { theme: p.theme })}>
          {["auto", "light", "dark"].map((x) => <option key={x} value={x}>{t("settings.theme." + x)}</option>)}
        </select>
      </Line>
      <Switch
        id="login" name={t("settings.login")} help={t(p.loginSupported ? "settings.login.help" : "settings.login.none")} on={p.startAtLogin} off={!p.loginSupported}
        put={(on) => keep(t("settings.login"), { startAtLogin: on }, { startAtLogin: p.startAtLogin })}
      />
    </section>
  );
}
