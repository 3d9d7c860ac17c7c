import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";

interface Held { from: number; to: number; by: number; height: number }

/**
 * Lets the rows of a list be dragged, with a mouse, a pen or a finger. While that
 * lasts the rows only look moved: the document stays, so that the pointer is not lost.
 */
export function useDrag(list: RefObject<HTMLElement>, move: (from: number, to: number) => void) {
  const held = useSignal<Held | null>(null);

  function start(e: PointerEvent, from: number) {
    if (e.button !== 0) return;
    e.preventDefault();
    const rows = [...list.current!.children].map((row) => row.getBoundingClientRect());
    const height = rows[from].height, centre = rows[from].top + height / 2, scrolled = scrollY;
    held.value = { from, to: from, by: 0, height };

    const drag = (m: PointerEvent) => {
      const by = m.clientY - e.clientY + scrollY - scrolled;
      const past = rows.findIndex((r, i) => (i < from ? centre + by < r.top + r.height / 2 : i === from));
      let to = past;
      for (let i = from + 1; i < rows.length && centre + by > rows[i].top + rows[i].height / 2; i++) to = i;
      held.value = { from, to, by, height };
    };
    const end = (done: boolean) => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", cancel);
      removeEventListener("keydown", key, true);
      const h = held.value;
      held.value = null;
      if (done && h && h.to !== from) move(from, h.to);
    };
    const up = () => end(true), cancel = () => end(false);
    const key = (k: KeyboardEvent) => k.key === "Escape" && end(false);
    addEventListener("pointermove", drag);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", cancel);
    addEventListener("keydown", key, true);
  }

  /** How far a row is from its place now, in px. */
  function offset(i: number): number {
    const h = held.value;
    if (!h) return 0;
    if (i === h.from) return h.by;
    if (i > h.from && i <= h.to) return -h.height;
    return i < h.from && i >= h.to ? h.height : 0;
  }

  return {
    start,
    held: (i: number) => held.value?.from === i || undefined,
    style: (i: number) => (held.value ? { transform: `translateY(${offset(i)}px)` } : undefined),
  };
}
