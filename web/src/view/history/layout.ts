import type { Sample, Span, Switch, Timeline } from "../../types";

// Where things are on the timeline, in plain numbers. Nothing here knows the page.

/** Turns moments into places on a line of a width. */
export interface Scale { since: number; until: number; width: number }

export const place = (s: Scale, at: number) => ((at - s.since) / (s.until - s.since)) * s.width;
export const momentAt = (s: Scale, x: number) => s.since + (Math.min(Math.max(x, 0), s.width) / s.width) * (s.until - s.since);

/** The height of the switches' row, in px. */
export const marksHeight = 16;

/** What the cursor can stand on: how things were for a while, or a switch. */
export interface Stop {
  from: number;
  until: number;
  span?: Span;
  mark?: Switch;
}

/** Everything on a timeline, in order of time. */
export function stopsOf(line: Timeline): Stop[] {
  const spans = line.spans.map((span): Stop => ({ from: Date.parse(span.from), until: Date.parse(span.until), span }));
  const marks = line.switches.map((mark): Stop => ({ from: Date.parse(mark.at), until: Date.parse(mark.at), mark }));
  return [...spans, ...marks].sort((a, b) => a.from - b.from || Number(!!a.mark) - Number(!!b.mark));
}

/** How a state is drawn: the worse, the higher, so that it shows without its colour. */
export interface Look { rank: number; height: number; hatch?: boolean; least: number }

const looks: Record<string, Look> = {
  unknown: { rank: 0, height: 0.14, hatch: true, least: 0 },
  off: { rank: 0, height: 0.07, least: 0 },
  idle: { rank: 1, height: 0.26, least: 0 },
  protected: { rank: 1, height: 0.4, least: 0 },
  connecting: { rank: 2, height: 0.55, least: 1.5 },
  checking: { rank: 3, height: 0.62, least: 1.5 },
  switching: { rank: 3, height: 0.62, least: 1.5 },
  offline: { rank: 4, height: 0.78, hatch: true, least: 2.5 },
  "sign-in needed": { rank: 4, height: 0.78, hatch: true, least: 2.5 },
  stalled: { rank: 5, height: 1, least: 3 },
  blocked: { rank: 5, height: 1, hatch: true, least: 3 },
};

export const look = (state: string): Look => looks[state] ?? looks.unknown;

/** True of a state in which a person who wished for a tunnel had no service. */
export const isTrouble = (state: string) => look(state).rank >= 4;

export interface Shape extends Look { state: string; path: string }

/** One path for every state there is, the gravest last: it is drawn above the others. */
export function shapes(spans: Span[], s: Scale, height: number): Shape[] {
  const paths = new Map<string, string>();
  const add = (state: string, [x, w]: [number, number], from: number, to: number) =>
    paths.set(state, (paths.get(state) ?? "") + `M${round(x)} ${round((1 - from) * height)}V${round((1 - to) * height)}h${round(w)}V${round((1 - from) * height)}z`);
  for (const span of spans) {
    const high = look(span.state).height;
    if (!span.mostly) {
      add(span.state, extent(span, s), 0, high);
      continue;
    }
    // A part of which only some was so: the longer that lasted, the higher it stands above the rest.
    const low = look(span.mostly).height, where = extent({ ...span, state: span.mostly }, s);
    add(span.mostly, where, 0, low);
    if (span.state !== span.mostly) add(span.state, where, low, low + (high - low) * Math.min(1, Math.log10(1 + span.lastedMs! / 1000) / Math.log10(3600)));
  }
  return [...paths].map(([state, path]) => ({ ...look(state), state, path })).sort((a, b) => a.rank - b.rank);
}

/** Where a span begins and how wide it is. What was short and grave is wider than it was, so that it is seen. */
function extent(span: Span, s: Scale): [number, number] {
  const from = place(s, Date.parse(span.from)), w = place(s, Date.parse(span.until)) - from, least = look(span.state).least;
  return w >= least ? [from, w] : [Math.min(Math.max(from + (w - least) / 2, 0), s.width - least), least];
}

/** What is at a place: a switch where the pointer is among those, else the gravest span within reach. */
export function stopAt(stops: Stop[], s: Scale, x: number, amongMarks: boolean): number {
  const reach = 4, at = momentAt(s, x);
  let best = -1, weight = -1;
  stops.forEach((stop, i) => {
    const off = Math.max(place(s, stop.from) - x, x - place(s, stop.until), 0);
    const inside = stop.from <= at && at < stop.until;
    if (!inside && off > reach) return;
    const w = stop.mark ? (amongMarks ? 20 - off : -2) : isTrouble(stop.span!.state) ? 10 - off : inside ? 1 : -2;
    if (w > weight) [best, weight] = [i, w];
  });
  return best;
}

export interface Mark { x: number; kind: string }

/** The switches' places. Those too close to tell apart are one mark, of the kind "several" where they differ. */
export function marks(switches: Switch[], s: Scale): Mark[] {
  const cells = new Map<number, Mark>(), size = 10;
  for (const { at, kind } of switches) {
    const x = Math.min(Math.max(place(s, Date.parse(at)), 5), s.width - 5), cell = Math.floor(x / size), there = cells.get(cell);
    if (!there) cells.set(cell, { x, kind });
    else if (there.kind !== kind) cells.set(cell, { x: (cell + 0.5) * size, kind: "several" });
  }
  return [...cells.values()];
}

export type Unit = "minute" | "hour" | "day" | "month";
export interface Tick { at: number; unit: Unit }

const hour = 3_600_000;
const rungs: [Unit, number, number][] = [
  ["minute", 5, hour / 12], ["minute", 10, hour / 6], ["minute", 15, hour / 4], ["minute", 30, hour / 2],
  ["hour", 1, hour], ["hour", 2, 2 * hour], ["hour", 3, 3 * hour], ["hour", 6, 6 * hour], ["hour", 12, 12 * hour],
  ["day", 1, 24 * hour], ["day", 2, 48 * hour], ["day", 5, 120 * hour], ["day", 10, 240 * hour],
  ["month", 1, 720 * hour], ["month", 2, 1440 * hour], ["month", 3, 2160 * hour],
];

/** Round moments of the person's own time: at most so many, and few enough to be read. */
export function ticks(since: number, until: number, most: number): Tick[] {
  const [unit, step, ms] = rungs.find(([, , ms]) => (until - since) / ms <= most) ?? rungs.at(-1)!;
  const d = new Date(since), out: Tick[] = [];
  if (unit === "month") d.setDate(1);
  d.setHours(0, 0, 0, 0);
  for (; d.getTime() < until; next(d, unit, step)) if (d.getTime() >= since) out.push({ at: d.getTime(), unit: ms < 24 * hour && d.getHours() + d.getMinutes() === 0 ? "day" : unit });
  return out;
}

/** The ticks that fit a width. */
export const ticksOf = (s: Scale) => ticks(s.since, s.until, Math.max(s.width / 76, 2)).map((tick) => ({ ...tick, x: Math.round(place(s, tick.at)) + 0.5 }));

function next(d: Date, unit: Unit, step: number) {
  if (unit === "minute") d.setMinutes(d.getMinutes() + step);
  else if (unit === "hour") d.setHours(d.getHours() + step);
  else if (unit === "day") d.setDate(d.getDate() + step);
  else d.setMonth(d.getMonth() + step);
}

/** Readings over time. A gap where nothing was measured is a null. */
export interface Readings { at: number[]; rows: (number | null)[][] }

/** Makes rows of samples, and says with a null where there are none. */
export function readings(samples: Sample[], stepMs: number, pick: ((s: Sample) => number | null)[]): Readings {
  const out: Readings = { at: [], rows: pick.map(() => []) };
  let last = 0;
  for (const s of samples) {
    const at = Date.parse(s.at);
    if (out.at.length && at - last > stepMs * 1.5) push(out, last + stepMs, pick.map(() => null));
    push(out, at + stepMs / 2, pick.map((f) => f(s)));
    last = at;
  }
  return out;
}

function push(r: Readings, at: number, values: (number | null)[]) {
  r.at.push(at);
  values.forEach((v, i) => r.rows[i].push(v));
}

/** A line through a row of readings, broken where there are none; closed: down to the floor, to be filled. */
export function line(at: number[], row: (number | null)[], s: Scale, height: number, top: number, closed = false): string {
  let d = "", begun = 0, x = 0;
  const close = () => (d += !begun ? "" : closed ? `V${height}H${round(begun)}z` : "h.01");
  row.forEach((v, i) => {
    if (v === null) {
      close();
      begun = 0;
      return;
    }
    x = place(s, at[i]);
    d += `${begun ? "L" : "M"}${round(x)} ${round(height - (v / top) * height)}`;
    begun ||= x || 0.01;
  });
  close();
  return d;
}

/** The next round number that leaves some room above. */
export function roundUp(n: number): number {
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 1.5, 2, 3, 5, 7.5, 10, 15].map((m) => m * unit).find((m) => m >= n * 1.2) ?? n;
}

const round = (n: number) => Math.round(n * 10) / 10;
