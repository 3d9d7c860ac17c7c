import { useEffect } from "preact/hooks";
import { t } from "../words";
import { Choice } from "./history/choice";
import { Events } from "./history/events";
import { Failed } from "./history/failed";
import { Figures } from "./history/figures";
import { Plot } from "./history/plot";
import { keepPicture, lengths, picture, range, trouble, type Range } from "./history/range";
import { Table } from "./history/tables";
import { picked } from "./history/journal";

/** What was: as a picture, in numbers, and event by event. */
export function History() {
  useEffect(keepPicture, []);
  const p = picture.value;
  const choose = (r: Range) => {
    picked.value = null;
    range.value = r;
  };
  return (
    <div class="history">
      <header>
        <h1>{t("nav.history")}</h1>
        <Choice name="range" label={t("history.range")} all={Object.keys(lengths) as Range[]} now={range.value} word={(r) => t("history.range." + r)} choose={choose} />
      </header>
      {trouble.value ? <Failed err={trouble.value} /> : null}
      {p && <Figures p={p} />}
      <section class="card" aria-label={t("history.timeline")}>
        {p && <><Plot p={p} /><Table p={p} /></>}
      </section>
      <Events />
    </div>
  );
}
