import { unit } from "../../format";
import { attempt } from "../../part/toast";
import { language, t, told } from "../../words";
import { change } from "./store";
import { wordOf } from "./value";
import { hindrance } from "./who";
import type { Setting } from "../../types";

/** What was measured: after how many seconds a silent tunnel is left, and how long a gap moves nothing (README). */
const figures: Record<string, { left: [number, number?]; gap: number }> = {
  classic: { left: [30, 41], gap: 30 },
  patient: { left: [5.6], gap: 5 },
  balanced: { left: [2.4], gap: 2 },
  fast: { left: [1.3], gap: 1 },
};

/** How soon a silent tunnel is left, as a choice between cards. */
export function Profile({ s }: { s: Setting }) {
  return (
    <fieldset class="cards" disabled={hindrance(s) !== ""}>
      <legend class="hidden">{t("setting.profile")}</legend>
      {s.choices.map((c) => (
        <label key={c} class="card">
          <span>
            <input type="radio" name="profile" value={c} checked={c === s.value} onChange={() => attempt(() => change(s, c))} />
            <b>{wordOf(s, c)}</b>
          </span>
          <p class="small">{told(`setting.profile.${c}.what`, "")}</p>
          {figures[c] && <Figures {...figures[c]} />}
          {c === s.default && <small><span class="tag">{t("settings.isDefault")}</span></small>}
        </label>
      ))}
    </fieldset>
  );
}

function Figures({ left, gap }: { left: [number, number?]; gap: number }) {
  const [from, to] = left;
  const seconds = to === undefined ? unit(from, "s", 1) : new Intl.NumberFormat(language.value).formatRange(from, to) + "\u00a0s";
  return <small>{t("settings.left", { span: seconds })}<br />{t("settings.gap", { span: unit(gap, "s") })}</small>;
}
