import { percent, span } from "../../format";
import { language, t } from "../../words";
import type { Picture } from "./range";

const count = (n: number) => n.toLocaleString(language.value);

/** What the time came to, in numbers. */
export function Figures({ p }: { p: Picture }) {
  const { uptimeMs, wishedMs, outageMs, outages, longestMs, switches } = p.timeline;
  const switched = (kind: string) => switches.filter((s) => s.kind === kind).length, back = switched("failed_back");
  return (
    <dl class="numbers">
      <div class="wider">
        <dt>{t("history.uptime")}</dt>
        <dd class="num">{wishedMs > 0 ? percent(uptimeMs / wishedMs) : "–"}<small>{wishedMs > 0 ? t("history.wished", { span: span(wishedMs) }) : t("history.unwished")}</small></dd>
      </div>
      <div><dt>{t("history.outages")}</dt><dd class="num">{count(outages)}</dd></div>
      <div><dt>{t("history.failovers")}</dt><dd class="num">{count(switched("failed_over"))}<small>{t("history.failbacks", { count: back, number: count(back) })}</small></dd></div>
      <div class="wider">
        <dt>{t("history.downtime")}</dt>
        <dd class="num">{outageMs > 0 ? span(outageMs) : "–"}{outages > 1 && <small>{t("history.longest", { span: span(longestMs) })}</small>}</dd>
      </div>
    </dl>
  );
}
