import { effect, signal } from "@preact/signals";
import { api } from "../../api";
import { happened, link } from "../../live";
import type { Stop } from "./layout";
import type { Samples, Timeline } from "../../types";

const hour = 3_600_000, day = 24 * hour;

/** The lengths of time that can be looked at, in ms. */
export const lengths = { hour, day, week: 7 * day, month: 30 * day, year: 365 * day };
export type Range = keyof typeof lengths;

/** What is known of a length of time that ends now. */
export interface Picture {
  since: number;
  until: number;
  timeline: Timeline;
  samples: Samples;
}

export const range = signal<Range>("day");
export const picture = signal<Picture | null>(null);
/** Why there is no picture, or why it is not renewed. */
export const trouble = signal<unknown>(null);

/** What the cursor on the timeline points at. Null: nothing. */
export const pointed = signal<{ moment: number; stop: Stop } | null>(null);

/** How many spans are asked for: finer ones could not be told apart on a screen. */
const parts = 600;

let turn = 0;

async function load() {
  const mine = ++turn, until = Date.now(), since = until - lengths[range.peek()];
  const query = `since=${new Date(since).toISOString()}&until=${new Date(until).toISOString()}`;
  try {
    const [timeline, samples] = await Promise.all([
      api.get<Timeline>(`history/timeline?${query}&parts=${parts}`),
      api.get<Samples>(`samples?${query}`),
    ]);
    if (mine !== turn) return;
    trouble.value = null;
    if (isNew(timeline)) return void (range.value = "hour");
    picture.value = { since, until, timeline, samples };
  } catch (err) {
    if (mine === turn) trouble.value = err;
  }
}

let opened = false;

/** True once of a day of which only the last hour is known: that hour is shown in its place. */
function isNew({ until, spans }: Timeline): boolean {
  const known = spans.find((s) => s.state !== "unknown"), was = opened;
  opened = true;
  return !was && range.peek() === "day" && !!known && Date.parse(until) - Date.parse(known.from) < hour;
}

/** How soon after an event the picture is renewed: events come in groups. */
const settleMs = 1_500;

/** Keeps the picture current until what it returns is called. */
export function keepPicture(): () => void {
  let timer = 0, due = Infinity;
  const renew = () => {
    due = Infinity;
    if (!document.hidden) void load();
    within(Math.max(60_000, lengths[range.peek()] / 1000));
  };
  const within = (ms: number) => {
    if (Date.now() + ms >= due) return;
    due = Date.now() + ms;
    clearTimeout(timer);
    timer = setTimeout(renew, ms);
  };
  const stops = [
    effect(() => {
      range.value;
      renew();
    }),
    effect(() => {
      happened.value;
      if (link.value === "live") within(settleMs);
    }),
  ];
  return () => {
    turn++;
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  };
}
