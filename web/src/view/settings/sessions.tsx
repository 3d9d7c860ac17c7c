import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { host, part } from "../../api";
import { ago, moment } from "../../format";
import { now } from "../../live";
import { Button } from "../../part/button";
import { confirm } from "../../part/dialog";
import { attempt } from "../../part/toast";
import { lock } from "../../session";
import { t } from "../../words";
import type { Session } from "../../types";

/** Everywhere that this page is open, with a way to close it there. */
export function Sessions() {
  const list = useSignal<Session[]>([]);
  const load = () => attempt(async () => (list.value = (await host.get<{ sessions: Session[] }>("sessions")).sessions));
  useEffect(() => void load(), []);
  const end = async (s: Session) => {
    if (s.current && !(await confirm(t("settings.session.ask"), t("settings.session.asked"), t("settings.session.end"), true))) return;
    await host.remove("sessions/" + part(s.id));
    if (s.current) lock();
    else await load();
  };
  return (
    <section>
      <h2>{t("settings.sessions")}</h2>
      <p class="lead">{t("settings.sessions.what")}</p>
      <ul>
        {list.value.map((s) => (
          <li key={s.id} class="set">
            <div>
              <b>{s.browser}</b> {s.current && <small class="tag">{t("settings.session.this")}</small>} {s.readOnly && <small class="tag">{t("settings.session.readonly")}</small>}
              <p class="small">{t("settings.session.times", { begun: moment(s.begun, now.value), used: ago(s.used, now.value), until: moment(s.until, now.value) })}</p>
            </div>
            <div class="value"><Button act={() => end(s)} label={t("settings.session.endOf", { browser: s.browser, begun: moment(s.begun, now.value) })}>{t("settings.session.end")}</Button></div>
          </li>
        ))}
      </ul>
    </section>
  );
}
