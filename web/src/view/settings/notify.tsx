import { moment } from "../../format";
import { about, now, prefs } from "../../live";
import { Button } from "../../part/button";
import { t } from "../../words";
import { keep, Line, Switch } from "./personal";
import type { NoticeKind, Prefs } from "../../types";

const kinds: NoticeKind[] = ["stall", "failover", "recovery", "all_down", "action_needed", "guard_blocking"];
/** The quiet hours of who turns them on. */
const night = { quietFrom: "22:00", quietUntil: "07:00" };

const set = (name: string, change: Partial<Prefs["notify"]>, was: Prefs["notify"]) => {
  const back = Object.fromEntries(Object.keys(change).map((k) => [k, was[k as keyof Prefs["notify"]]]));
  return keep(name, { notify: change }, { notify: back });
};

/** Which notifications the person wants, and when. */
export function Notify() {
  const n = prefs.value!.notify;
  return (
    <section>
      <h2>{t("settings.notify")}</h2>
      {!about.value!.tray && <p class="lead">{t("settings.notify.noTray")}</p>}
      <Switch id="notify" name={t("settings.notify.enabled")} help={t("settings.notify.enabled.help")} on={n.enabled} put={(enabled) => set(t("settings.notify"), { enabled }, n)} />
      {n.enabled && <Pause n={n} />}
      {n.enabled && kinds.map((k) => (
        <Switch
          key={k} id={"notify-" + k} name={t("settings.kind." + k)} help={t(`settings.kind.${k}.help`)} on={n.kinds[k]}
          put={(on) => keep(t("settings.kind." + k), { notify: { kinds: { [k]: on } } }, { notify: { kinds: { [k]: !on } } })}
        />
      ))}
      {n.enabled && <Quiet n={n} />}
    </section>
  );
}

function Pause({ n }: { n: Prefs["notify"] }) {
  const until = n.pausedUntil && Date.parse(n.pausedUntil) > now.value ? n.pausedUntil : "";
  const fixed = about.value!.readOnly;
  const label = (key: string) => `${t("settings.pause")}: ${t(key)}`;
  const pause = (at: Date) => set(t("settings.pause"), { pausedUntil: at.toISOString() }, n);
  return (
    <div class="set">
      <div><b>{t("settings.pause")}</b><p class="small">{until ? t("settings.pause.until", { at: moment(until, now.value) }) : t("settings.pause.none")}</p></div>
      <div class="value actions">
        {until && <Button disabled={fixed} act={() => set(t("settings.pause"), { pausedUntil: null }, n)}>{t("settings.pause.end")}</Button>}
        {!until && <Button disabled={fixed} label={label("settings.pause.hour")} act={() => pause(new Date(Date.now() + 3_600_000))}>{t("settings.pause.hour")}</Button>}
        {!until && <Button disabled={fixed} label={label("settings.pause.tomorrow")} act={() => pause(tomorrow())}>{t("settings.pause.tomorrow")}</Button>}
      </div>
    </div>
  );
}

/** Eight in the morning of the next day. */
function tomorrow(): Date {
  const at = new Date();
  at.setDate(at.getDate() + 1);
  at.setHours(8, 0, 0, 0);
  return at;
}

function Quiet({ n }: { n: Prefs["notify"] }) {
  const on = n.quietFrom !== "", fixed = about.value!.readOnly;
  const end = (key: "quietFrom" | "quietUntil") => (
    <Line id={key} name={t("settings." + key)}>
      {/* An hour that is being typed is none yet. */}
      <input type="time" id={key} value={n[key]} disabled={fixed} onChange={(e) => e.currentTarget.value && set(t("settings.quiet"), { [key]: e.currentTarget.value }, n)} />
    </Line>
  );
  return (
    <>
      <Switch id="quiet" name={t("settings.quiet")} help={t("settings.quiet.help")} on={on} put={(yes) => set(t("settings.quiet"), yes ? night : { quietFrom: "", quietUntil: "" }, n)} />
      {on && end("quietFrom")}
      {on && end("quietUntil")}
    </>
  );
}
