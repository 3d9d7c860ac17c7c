import { language } from "../../words";
import type { Tick } from "./layout";

/** From when to when, as short as it can be said. */
export function between(from: number, until: number): string {
  const f = new Intl.DateTimeFormat(language.value, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: until - from < 600_000 ? "2-digit" : undefined });
  return f.formatRange(from, until);
}

/** The time of day, to the second. */
export const clock = (at: number | string) => new Date(at).toLocaleTimeString(language.value, { timeStyle: "medium" });

/** The words of a tick: a time, a day or a month; a year where one begins. */
export function tickWords({ at, unit }: Tick): string {
  const d = new Date(at);
  if (unit === "hour" || unit === "minute") return d.toLocaleTimeString(language.value, { timeStyle: "short" });
  if (unit === "day") return d.toLocaleDateString(language.value, { day: "numeric", month: "short" });
  return d.toLocaleDateString(language.value, d.getMonth() === 0 ? { year: "numeric" } : { month: "short" });
}

/** A day's name: today, yesterday, or its date. */
export function dayWords(day: Date, now: number): string {
  const back = Math.round((new Date(now).setHours(0, 0, 0, 0) - day.getTime()) / 86_400_000);
  if (back > 1) return day.toLocaleDateString(language.value, { weekday: "long", day: "numeric", month: "long", year: back > 300 ? "numeric" : undefined });
  const word = new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(-back, "day");
  return word[0].toLocaleUpperCase(language.value) + word.slice(1);
}

/** A moment with its date and seconds. */
export const exactly = (at: string) => new Date(at).toLocaleString(language.value, { dateStyle: "long", timeStyle: "medium" });
