import { percent, span } from "../../format";
import { t } from "../../words";
import type { Picture } from "./range";

/** What the time came to, in numbers. */
export function Figures({ p }: { p: Picture }) {
  const { uptimeMs, wishedMs, outageMs, outages } = p.timeline, s = p.summary;
  return (
    <dl class="numbers">
      <div class="wider">
        <dt>{t("history.uptime")}</dt>
        <dd class="num">{wishedMs > 0 ? percent(uptimeMs / wishedMs) : "–"}<small>{wishedMs > 0 ? t("history.wished", { span: span(wishedMs) }) : t("history.unwished")}</small></dd>
      </div>
      <div><dt>{t("history.outages")}</dt><dd class="num">{outages}</dd></div>
      <div><dt>{t("history.downtime")}</dt><dd class="num">{outageMs > 0 ? span(outageMs) : "–"}</dd></div>
      <div><dt>{t("history.failovers")}</dt><dd class="num">{s.failovers}</dd></div>
      <div><dt>{t("history.failbacks")}</dt><dd class="num">{s.failbacks}</dd></div>
    </dl>
  );
}
