import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../part/button";
import { say } from "../../part/toast";
import { language, t } from "../../words";
import { Feed, type Line } from "./feed";

const levels = ["debug", "info", "warn", "error"];
/** How many lines are in the document at once, and by how many it moves at its ends. */
const room = 200, step = 100;
/** How near to an end counts as being there, in pixels. */
const near = 40;

/** The service's log as it is written, with what is looked for. */
export function Log() {
  const kept = useRef<Feed | null>(null), feed = (kept.current ??= new Feed());
  const level = useSignal("info"), text = useSignal(""), held = useSignal<Line[] | null>(null);
  useEffect(() => feed.follow(), []);
  const found = useComputed(() => {
    const least = levels.indexOf(level.value), words = text.value.toLowerCase();
    return (held.value ?? feed.lines.value).filter((l) => levels.indexOf(l.level) >= least && l.text.toLowerCase().includes(words));
  });
  const newer = held.value ? feed.lines.value.filter((l) => l.n > (held.value!.at(-1)?.n ?? 0)).length : 0;
  const copy = async () => {
    await navigator.clipboard.writeText(found.value.map((l) => `${l.at} ${l.level} ${l.text}`).join("\n"));
    say(t("help.copied", { count: found.value.length }));
  };
  return (
    <section id="log">
      <h2>{t("help.log")}</h2>
      <p class="lead">{t("help.log.what")}</p>
      <div class="actions">
        <select aria-label={t("help.level")} value={level.value} onChange={(e) => (level.value = e.currentTarget.value)}>
          {levels.map((l) => <option key={l} value={l}>{t("help.level." + l)}</option>)}
        </select>
        <input type="search" aria-label={t("help.search")} placeholder={t("help.search")} value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
        <Button act={() => (held.value = held.value ? null : feed.lines.value)}>{t(held.value ? "help.continue" : "help.pause")}</Button>
        <Button act={copy} disabled={found.value.length === 0}>{t("help.copy")}</Button>
      </div>
      <Lines list={found.value} />
      <small>{t("help.shown", { count: found.value.length })}{newer > 0 && " · " + t("help.newer", { count: newer })}</small>
    </section>
  );
}

/** A box of lines of which only some are in the document. It stays at its end until the person looks further up. */
function Lines({ list }: { list: Line[] }) {
  const box = useRef<HTMLDivElement | null>(null), anchor = useRef<{ n: string; below: number } | null>(null);
  // The number of the first line shown; null: the last lines are.
  const looking = useSignal<number | null>(null), from = looking.value;
  const at = from === null ? -1 : list.findIndex((l) => l.n >= from);
  const first = at < 0 ? Math.max(0, list.length - room) : Math.min(at, Math.max(0, list.length - 1));
  const shown = list.slice(first, first + room);
  // A function of its own at each rendering is called after each, before anything is painted.
  const settle = (b: HTMLDivElement | null) => {
    box.current = b;
    if (!b) return;
    if (from === null) b.scrollTop = b.scrollHeight;
    else if (anchor.current) {
      const line = b.querySelector<HTMLElement>(`[data-n="${anchor.current.n}"]`);
      if (line) b.scrollTop = line.offsetTop - anchor.current.below;
    }
    anchor.current = null;
  };
  const move = (to: number) => {
    // What the person reads stays where it is while lines are put before or after it.
    const b = box.current!, line = [...b.children].find((x) => (x as HTMLElement).offsetTop >= b.scrollTop) as HTMLElement | undefined;
    anchor.current = line ? { n: line.dataset.n!, below: line.offsetTop - b.scrollTop } : null;
    looking.value = list[Math.max(0, to)]?.n ?? null;
  };
  const scrolled = () => {
    const b = box.current!, below = b.scrollHeight - b.clientHeight - b.scrollTop;
    if (from !== null && below < near && first + room >= list.length) looking.value = null;
    else if (from !== null && below < near) move(first + step);
    else if (b.scrollTop < near && first > 0) move(first - step);
    else if (from === null && below > near) move(first);
  };
  return (
    <div class="log" ref={settle} tabIndex={0} role="log" aria-live="off" aria-label={t("help.log")} onScroll={scrolled}>
      {shown.map((l) => (
        <p key={l.n} data-n={l.n} data-level={l.level}>
          <time dir="auto" dateTime={l.at}>{new Date(l.at).toLocaleTimeString(language.value, { timeStyle: "medium" })}</time>
          <b>{t("help.level." + l.level)}</b>
          <span lang="en" dir="ltr">{l.text}</span>
        </p>
      ))}
      {shown.length === 0 && <p>{t("help.noLines")}</p>}
    </div>
  );
}
