import type { Event } from "../../types";

// What can be said of a list of events without looking at the page.

export interface Day { at: number; events: Event[] }

/** Groups events, the newest first, by the days of the person's own time. */
export function byDay(events: Event[]): Day[] {
  const days: Day[] = [];
  for (const e of events) {
    const at = new Date(e.at).setHours(0, 0, 0, 0);
    if (days.at(-1)?.at !== at) days.push({ at, events: [] });
    days.at(-1)!.events.push(e);
  }
  return days;
}

/** Puts lists of events together, the newest first, each event once. */
export function merge(a: Event[], b: Event[]): Event[] {
  const byId = new Map([...a, ...b].map((e) => [e.id, e]));
  return [...byId.values()].sort((x, y) => y.id - x.id);
}

/** True of an event in which all words of a text occur. */
export function matches(e: Event, text: string): boolean {
  const all = [e.sentence, e.evidence, e.cause, e.kind, e.tunnel, e.from, e.to].join(" ").toLowerCase().replaceAll("_", " ");
  return text.toLowerCase().replaceAll("_", " ").split(/\s+/).every((w) => all.includes(w));
}

/** The facts of an evidence, a sentence each. */
export const facts = (evidence = "") => evidence.split(/(?<=[.!?])\s+(?=[\p{Lu}\d])/u).filter(Boolean);

/** The event's line without its evidence, which is shown by itself. */
export function headline({ sentence, kind, evidence }: Event): string {
  if (!sentence) return kind[0].toUpperCase() + kind.slice(1).replaceAll("_", " ") + ".";
  const at = evidence ? sentence.toLowerCase().lastIndexOf(evidence.toLowerCase()) : -1;
  return at > 0 ? sentence.slice(0, at).trim() : sentence;
}

const wrong = ["handshake_failed", "handshake_recovered", "verdict_changed", "restarted", "held", "cooldown_started", "cooldown_ended", "underlay_changed", "notice_opened", "notice_cleared", "denied", "failed_over"];

/** The kinds of event that a filter lets through. None: all. */
export const groups = {
  all: [],
  problems: wrong,
  switches: ["failed_over", "failed_back", "wish_changed"],
} satisfies Record<string, string[]>;
export type Kinds = keyof typeof groups;

/** How an event feels: it chooses a colour and a sign. */
export function toneOf({ kind, to }: Event): string {
  switch (kind) {
    case "failed_over":
    case "restarted":
    case "held":
    case "cooldown_started":
    case "notice_opened":
    case "denied":
      return "warn";
    case "handshake_failed":
      return "bad";
    case "failed_back":
    case "handshake_recovered":
      return "good";
    case "verdict_changed":
      return to === "unhealthy" ? "bad" : to === "suspect" ? "warn" : to === "unknown" ? "off" : "good";
    case "underlay_changed":
      return to === "ok" ? "good" : "warn";
    case "state_changed":
    case "wish_changed":
      return "busy";
  }
  return "off";
}
