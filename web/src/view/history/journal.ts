import { effect, signal } from "@preact/signals";
import { api } from "../../api";
import { happened, link } from "../../live";
import { language } from "../../words";
import { groups, matches, merge, type Kinds } from "./days";
import { lengths, range } from "./range";
import type { Event, EventPage } from "../../types";

// The events that are listed, and those that wait to be.

export interface Filter { kinds: Kinds; tunnel: string; text: string }

export const filter = signal<Filter>({ kinds: "all", tunnel: "", text: "" });
/** A time that was picked on the timeline; it takes the range's place. Null: none. */
export const picked = signal<{ since: number; until: number } | null>(null);

/** What is listed, the newest first. Null: not read yet. */
export const listed = signal<Event[] | null>(null);
/** What happened since and is not listed yet, so that nothing moves under the reader. */
export const waiting = signal<Event[]>([]);
/** There are older events than those listed. */
export const more = signal(false);
export const reading = signal(false);
export const unread = signal<unknown>(null);

/** How many events are added to the list at a time. */
const pageSize = 50;
/** How many are read at a time to look for a text. */
const searchSize = 500;

let cursor = "", turn = 0;

/** The part of a request that says which events are meant. */
export function query(): URLSearchParams {
  const { kinds, tunnel } = filter.peek(), p = picked.peek();
  const q = new URLSearchParams({ since: new Date(p?.since ?? Date.now() - lengths[range.peek()]).toISOString() });
  if (p) q.set("until", new Date(p.until).toISOString());
  if (tunnel) q.set("tunnel", tunnel);
  groups[kinds].forEach((k) => q.append("kind", k));
  return q;
}

/** Lists anew from the newest. */
async function begin() {
  turn++;
  cursor = "";
  waiting.value = [];
  await older([]);
}

/** Adds a page of older events, reading on until there are enough that fit. */
export async function older(from = listed.peek() ?? []) {
  const mine = turn, text = filter.peek().text.trim(), found: Event[] = [];
  reading.value = true;
  try {
    do {
      const q = query();
      q.set("limit", String(text ? searchSize : pageSize));
      if (cursor) q.set("cursor", cursor);
      const page = await api.get<EventPage>("history?" + q);
      if (mine !== turn) return;
      cursor = page.next;
      found.push(...page.events.filter((e) => matches(e, text)));
    } while (cursor && found.length < pageSize);
    listed.value = merge(from, found);
    more.value = cursor !== "";
    unread.value = null;
  } catch (err) {
    if (mine === turn) unread.value = err;
  }
  if (mine === turn) reading.value = false;
}

let asking = false, again = false;

/** Reads what happened since. The stream tells that there is something; the history has it as the filter wants it. */
async function newer() {
  if (asking) return void (again = true);
  if (picked.peek() || !listed.peek()) return;
  asking = true;
  const mine = turn, q = query();
  q.set("after", String(Math.max(listed.peek()![0]?.id ?? 0, waiting.peek()[0]?.id ?? 0)));
  q.set("limit", "1000");
  try {
    const { events } = await api.get<EventPage>("history?" + q);
    if (mine === turn) waiting.value = merge(waiting.peek(), events.filter((e) => matches(e, filter.peek().text.trim())));
  } catch {
    // The page says that the service is lost; once it is back this is asked again.
  }
  asking = false;
  if (again) void ((again = false), newer());
}

/** Lists what was waiting. */
export function takeIn() {
  listed.value = merge(waiting.value, listed.value ?? []);
  waiting.value = [];
}

/** Keeps the list current until what it returns is called. */
export function keepList(): () => void {
  const stops = [
    effect(() => {
      filter.value, picked.value, range.value, language.value;
      void begin();
    }),
    effect(() => {
      happened.value;
      if (link.value === "live") void (unread.peek() ? begin() : newer());
    }),
  ];
  return () => {
    turn++;
    stops.forEach((stop) => stop());
  };
}
