import { bytes, millis, percent, rate } from "../../format";
import { t } from "../../words";
import { Rule } from "./band";
import { line, readings, roundUp, ticksOf, type Scale } from "./layout";
import { pointed, type Picture } from "./range";
import type { Sample } from "../../types";

const high = 56;

interface CurveProps {
  title: string;
  /** What it comes to over all, shown while nothing is pointed at. */
  sum: string;
  s: Scale;
  at: number[];
  rows: (number | null)[][];
  tones: string[];
  value: (v: number) => string;
  /** How a value is worded for one row. */
  say?: (values: (number | null)[]) => string;
  /** What the largest value is rounded up in; 1 where it is shown as it is. */
  factor?: number;
}

/** The round trip, the loss where it was measured, and the throughput. */
export function Curves({ p, s }: { p: Picture; s: Scale }) {
  const { samples, stepMs } = p.samples, perSecond = 1000 / stepMs;
  const r = readings(samples, stepMs, [(x) => x.rttMs, (x) => x.loss, (x) => x.rxBytes * perSecond, (x) => x.txBytes * perSecond]);
  const [rtt, loss, rx, tx] = r.rows;
  const both = ([a, b]: (number | null)[]) => (a === null ? "–" : `↓ ${rate(a)}  ↑ ${rate(b ?? 0)}`);
  return (
    <>
      {some(rtt) && <Curve title={t("now.rtt")} sum={t("history.median", { value: millis(median(rtt)) })} s={s} at={r.at} rows={[rtt]} tones={["rx"]} value={millis} />}
      {some(loss) && <Curve title={t("now.loss")} sum="" s={s} at={r.at} rows={[loss]} tones={["tx"]} value={percent} />}
      {some(rx) && <Curve title={t("now.throughput")} sum={`↓ ${bytes(total(samples, "rxBytes"))}  ↑ ${bytes(total(samples, "txBytes"))}`} s={s} at={r.at} rows={[rx, tx]} tones={["rx", "tx"]} value={rate} say={both} factor={8} />}
    </>
  );
}

/** One curve, with what it is and its largest value. */
function Curve(c: CurveProps) {
  const { s, at, rows, value, factor = 1 } = c;
  const most = Math.max(...rows.flatMap((row) => row.map((v) => v ?? 0))), top = roundUp(Math.max(most * factor, 1)) / factor;
  return (
    <figure class="chart">
      <Caption {...c} />
      <svg width={s.width} height={high} aria-hidden="true" direction="ltr">
        <Rule d={`M0 .5H${s.width}M0 ${high - 0.5}H${s.width}` + ticksOf(s).map(({ x }) => `M${x} 0V${high}`).join("")} />
        {rows.map((row, k) => (
          <g key={k} stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round" fill="none">
            {k === 0 && <path d={line(at, row, s, high, top, true)} style={{ fill: `var(--${c.tones[k]}-wash)` }} />}
            <path d={line(at, row, s, high, top)} stroke-dasharray={k ? "4 3" : undefined} style={{ stroke: `var(--${c.tones[k]})` }} />
          </g>
        ))}
        <text x="2" y="12" font-size="11" style={{ fill: "var(--dim)" }}>{value(top)}</text>
      </svg>
    </figure>
  );
}

/** What the curve is, and its value: where the cursor points, else over all. */
function Caption({ title, sum, at, rows, say, value }: CurveProps) {
  const i = pointed.value ? nearest(at, pointed.value.moment) : -1;
  const here = rows.map((row) => row[i] ?? null);
  return <figcaption><h2>{title}</h2><small class="num">{i < 0 ? sum : say ? say(here) : here[0] === null ? "–" : value(here[0])}</small></figcaption>;
}

const total = (samples: Sample[], what: "rxBytes" | "txBytes") => samples.reduce((sum, s) => sum + s[what], 0);

const some = (row: (number | null)[]) => row.some((v) => v !== null);

function median(row: (number | null)[]): number {
  const sorted = row.filter((v) => v !== null).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** The reading nearest to a moment. */
function nearest(at: number[], moment: number): number {
  let low = 0, high = at.length - 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (at[mid] < moment) low = mid + 1;
    else high = mid;
  }
  return low > 0 && moment - at[low - 1] < at[low] - moment ? low - 1 : low;
}
