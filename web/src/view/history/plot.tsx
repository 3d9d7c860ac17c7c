import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { t } from "../../words";
import { Band, Legend } from "./band";
import { Curves } from "./curves";
import { isTrouble, marksHeight, momentAt, place, stopAt, stopsOf, type Scale, type Stop } from "./layout";
import { picked } from "./journal";
import { pointed, type Picture } from "./range";
import { sentence, words } from "./says";

/** The timeline: states, switches and readings below each other, with one cursor over all. */
export function Plot({ p }: { p: Picture }) {
  const box = useRef<HTMLDivElement>(null), width = useSignal(0);
  useEffect(() => {
    const seen = new ResizeObserver(() => (width.value = box.current!.clientWidth));
    seen.observe(box.current!);
    return () => seen.disconnect();
  }, []);
  const scale: Scale = { since: p.since, until: p.until, width: width.value };
  return (
    <>
      <div class="plot" ref={box}>
        {width.value > 0 && <><Band p={p} s={scale} /><Curves p={p} s={scale} /><Cursor p={p} s={scale} /></>}
      </div>
      <Readout />
      {width.value > 0 && <Legend p={p} s={scale} />}
    </>
  );
}

/** What lies over the drawing and takes pointer and keys. A screen reader hears it as a slider through what was. */
function Cursor({ p, s }: { p: Picture; s: Scale }) {
  const stops = useMemo(() => stopsOf(p.timeline), [p]), at = useSignal(-1);
  const stand = (i: number, moment = middle(stops[i])) => {
    at.value = i;
    pointed.value = i < 0 ? null : { moment, stop: stops[i] };
  };
  const leave = () => stand(-1, 0);
  useEffect(() => leave, [p]);
  const point = (e: PointerEvent & { currentTarget: Element }) => {
    const r = e.currentTarget.getBoundingClientRect(), x = e.clientX - r.left;
    const i = stopAt(stops, s, x, e.clientY - r.top < marksHeight);
    stand(i, i >= 0 && stops[i].mark ? undefined : momentAt(s, x));
  };
  const show = () => {
    const stop = stops[at.value];
    if (stop) picked.value = { since: stop.from - 60_000, until: stop.until + 60_000 };
  };
  const press = (e: KeyboardEvent) => {
    const i = nextStop(e.key, stops, at.value);
    if (e.key === "Escape") leave();
    else if (e.key === "Enter") show();
    else if (i === null) return;
    else stand(i);
    e.preventDefault();
  };
  const stop = stops[at.value];
  return (
    <div
      role="slider" tabIndex={0} aria-label={t("history.cursor")} aria-valuemin={0} aria-valuemax={Math.max(stops.length - 1, 0)}
      aria-valuenow={Math.max(at.value, 0)} aria-valuetext={stop ? sentence(stop) : t("history.hint")}
      onPointerMove={point} onPointerDown={point} onPointerLeave={leave} onKeyDown={press} onBlur={leave} onClick={show}
    >
      {pointed.value && <i style={{ left: `${place(s, pointed.value.moment)}px` }} />}
    </div>
  );
}

/** What is pointed at, in words. */
function Readout() {
  const stop = pointed.value?.stop;
  if (!stop) return <p class="readout">{t("history.hint")}</p>;
  const [head, rest] = words(stop);
  return <p class="readout"><b>{head}</b>{rest.filter(Boolean).map((r) => <span key={r}>{r}</span>)}</p>;
}

const middle = (s?: Stop) => (s ? (s.from + s.until) / 2 : 0);

/** Where a key leads: left and right to the neighbour, a page to the next that was grave. Null: nowhere. */
function nextStop(key: string, stops: Stop[], at: number): number | null {
  const last = stops.length - 1, grave = (s: Stop) => !!s.mark || isTrouble(s.span!.state);
  const from = at < 0 ? stops.length : at;
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return Math.max(from - 1, 0);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(at + 1, last);
    case "Home":
      return 0;
    case "End":
      return last;
    case "PageUp":
      return Math.max(stops.findLastIndex((s, i) => i < from && grave(s)), 0);
    case "PageDown": {
      const i = stops.findIndex((s, i) => i > at && grave(s));
      return i < 0 ? last : i;
    }
  }
  return null;
}
