import type uPlot from "uplot";
import { computed, effect, untracked } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { prefs } from "../live";
import { language } from "../words";

export interface Series {
  label: string;
  /** The name of the CSS colour, as "rx" for --rx. */
  tone: string;
  dash?: boolean;
}

export interface ChartProps {
  /** The caption: what is shown. */
  title: string;
  /** What it comes to, in words that are true now. */
  summary: ComponentChildren;
  series: Series[];
  /** Moments in seconds, then a row for each series; null: nothing was measured. */
  data: () => (number | null)[][];
  /** The ends of the time axis, in seconds. */
  span: () => [number, number];
  value: (v: number) => string;
  height?: number;
  children?: ComponentChildren;
}

/** A line over time. The canvas says nothing to a screen reader: summary and children do. */
export function Chart(p: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(p);
  latest.current = p;
  // The library is loaded beside the page, not before it.
  useEffect(() => {
    let stop: (() => void) | null = () => {};
    void import("uplot").then((m) => stop && (stop = draw(m.default, box.current!, latest)));
    return () => {
      stop?.();
      stop = null;
    };
  }, []);
  return (
    <figure class="chart">
      <figcaption><h2>{p.title}</h2><span class="num">{p.summary}</span></figcaption>
      <div ref={box} aria-hidden="true" />
      {p.children}
    </figure>
  );
}

/** Draws, and again when data, width, language or theme change. It returns what ends that. */
function draw(Plot: typeof uPlot, box: HTMLDivElement, latest: { current: ChartProps }): () => void {
  let plot: uPlot | undefined;
  const make = () => {
    plot?.destroy();
    plot = new Plot(options(box, latest), latest.current.data() as uPlot.AlignedData, box);
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: latest.current.height ?? 180 }));
  resized.observe(box);
  dark.addEventListener("change", make);
  const stopTheme = effect(() => {
    prefs.value?.theme;
    language.value;
    untracked(make); // new data is no reason to begin anew
  });
  const stopData = effect(() => {
    const data = latest.current.data();
    plot?.setData(data as uPlot.AlignedData);
  });
  return () => {
    stopData();
    stopTheme();
    dark.removeEventListener("change", make);
    resized.disconnect();
    plot?.destroy();
  };
}

/** The colour behind a CSS variable as a canvas can take it: the variable itself may be a light-dark() expression. */
function colour(box: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  box.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function options(box: HTMLDivElement, latest: { current: ChartProps }): uPlot.Options {
  const { series, value, height = 180 } = latest.current;
  const ink = colour(box, "dim"), rule = colour(box, "line");
  const axis = { stroke: ink, font: "11px system-ui", grid: { stroke: rule, width: 1 }, ticks: { show: false } };
  return {
    width: box.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { range: () => latest.current.span() }, y: { range: (_, __, max) => [0, Math.max(max * 1.15, 1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 6, space: 80, incrs: steps, values: (_, at) => at.map((s) => clock.value.format(s * 1000)) },
      { ...axis, size: 72, space: 30, values: (_, at) => at.map((v) => value(v)) },
    ],
    series: [
      {},
      ...series.map((s) => {
        const stroke = colour(box, s.tone);
        return { label: s.label, stroke, width: 1.75, dash: s.dash ? [5, 4] : undefined, fill: s.dash ? undefined : colour(box, s.tone + "-wash"), points: { show: false }, spanGaps: false };
      }),
    ],
  };
}

/** The distances between ticks of the time axis, in seconds. */
const steps = [60, 300, 900, 3_600];

/** Made once for a language: making one takes longer than to draw the chart. */
const clock = computed(() => new Intl.DateTimeFormat(language.value, { timeStyle: "short" }));
