import { tone } from "../../state";
import { look, marks, marksHeight, shapes, ticksOf, type Look, type Scale } from "./layout";
import type { Picture } from "./range";
import { stateWord } from "./says";
import { between, tickWords } from "./when";
import { t } from "../../words";

const high = 60, axis = 20;
const ink = { fill: "var(--ink)" }, dim = { fill: "var(--dim)" };

/** A faint line. */
export const Rule = ({ d }: { d: string }) => <path d={d} style={{ fill: "none", stroke: "var(--line)" }} />;

/** A state's shape in its colour; stripes say what must not be told by the colour alone. */
const Shape = ({ state, path, hatch }: { state: string; path: string } & Pick<Look, "hatch">) => (
  <g data-tone={tone(state)}>
    <path d={path} style={{ fill: "var(--tone)" }} />
    {hatch && <path d={path} fill="url(#hatch)" />}
  </g>
);

/** How things were, as a skyline: calm is low, trouble stands out. Above it are the switches. */
export function Band({ p, s }: { p: Picture; s: Scale }) {
  return (
    <figure class="chart">
      <figcaption><h2>{t("history.state")}</h2><small class="num">{between(p.since, p.until)}</small></figcaption>
    <svg width={s.width} height={marksHeight + high + axis} aria-hidden="true" direction="ltr">
      <Hatch />
      <g style={ink}>{marks(p.timeline.switches, s).map((m) => <path key={m.x + m.kind} d={glyph(m.x, m.kind)} />)}</g>
      <g transform={`translate(0 ${marksHeight})`}>
        {shapes(p.timeline.spans, s, high).map((a) => <Shape key={a.state} {...a} />)}
        <Rule d={`M0 ${high}.5H${s.width}`} />
      </g>
      <Axis s={s} top={marksHeight + high} />
    </svg>
    </figure>
  );
}

const Hatch = () => (
  <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
    <path d="M0 0V5" style={{ stroke: "var(--card)", strokeWidth: 4 }} />
  </pattern>
);

/** Away is a triangle that points down, back one that points up, as asked a disc; several are a dot. */
function glyph(x: number, kind: string): string {
  if (kind === "failed_over") return `M${x - 4.5} 3h9l-4.5 8z`;
  if (kind === "failed_back") return `M${x - 4.5} 11h9l-4.5 -8z`;
  if (kind === "several") return `M${x - 2} 7a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z`;
  return `M${x - 3.5} 7a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z`;
}

function Axis({ s, top }: { s: Scale; top: number }) {
  return (
    <g style={dim} font-size="11">
      {ticksOf(s).map((tick) => (
        <g key={tick.at}>
          <Rule d={`M${tick.x} ${top}v5`} />
          {tick.x < s.width - 24 && tick.x > 16 && <text x={tick.x} y={top + 17} text-anchor="middle">{tickWords(tick)}</text>}
        </g>
      ))}
    </g>
  );
}

/** A bit of a curve. */
const Stroke = ({ tone, dash }: { tone: string; dash?: boolean }) => (
  <svg width="18" height="14" aria-hidden="true"><path d="M0 8h18" stroke-width="2" stroke-dasharray={dash ? "4 3" : undefined} style={{ stroke: `var(--${tone})` }} /></svg>
);

/** What the shapes mean, for those that are there. */
export function Legend({ p, s }: { p: Picture; s: Scale }) {
  const states = [...new Set(p.timeline.spans.flatMap((x) => [x.state, x.mostly ?? x.state]))].sort((a, b) => look(a).rank - look(b).rank);
  const kinds = [...new Set(marks(p.timeline.switches, s).map((x) => x.kind))].sort();
  return (
    <ul class="legend">
      {states.map((state) => {
        const { hatch, height } = look(state), h = Math.max(height * 14, hatch ? 6 : 2);
        return <li key={state}><svg width="14" height="14" aria-hidden="true"><Shape state={state} path={`M0 14v${-h}h14v${h}z`} hatch={hatch} /></svg>{stateWord(state)}</li>;
      })}
      {kinds.map((kind) => (
        <li key={kind}><svg width="14" height="14" aria-hidden="true" style={ink}><path d={glyph(7, kind)} /></svg>{t("history.switch." + kind)}</li>
      ))}
      <li><Stroke tone="rx" />{t("now.down")}</li>
      <li><Stroke tone="tx" dash />{t("now.up")}</li>
    </ul>
  );
}
