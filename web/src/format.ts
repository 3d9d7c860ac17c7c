import { language, t } from "./words";

const formats = new Map<string, Intl.NumberFormat>();

function number(value: number, options: Intl.NumberFormatOptions): string {
  const key = language.value + JSON.stringify(options);
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.NumberFormat(language.value, options)));
  return f.format(value);
}

const unit = (value: number, name: string, digits = 0) =>
  number(value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });

/** A count of bytes, as "1.4 MB". */
export function bytes(n: number): string {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let i = 0;
  for (; n >= 1000 && i < names.length - 1; i++) n /= 1000;
  return unit(n, names[i], i > 0 && n < 100 ? 1 : 0);
}

/** Bytes a second as bits, as lines are sold: "12 Mbit/s". */
export function rate(bytesPerSecond: number): string {
  let n = bytesPerSecond * 8;
  const names = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  let i = 0;
  for (; n >= 1000 && i < names.length - 1; i++) n /= 1000;
  return number(n, { maximumFractionDigits: i > 0 && n < 10 ? 1 : 0 }) + "\u00a0" + names[i];
}

/** A length of time: "0.4 s", "42 s", "3 min", "2 h 5 min", "4 d". */
export function span(ms: number): string {
  const s = ms / 1000;
  if (s < 9.95) return unit(s, "second", 1);
  if (s < 59.5) return unit(Math.round(s), "second");
  const m = Math.round(s / 60);
  if (s < 600) return pair(Math.floor(s / 60), "minute", Math.round(s % 60) % 60, "second");
  if (m < 60) return unit(m, "minute");
  if (m < 48 * 60) return pair(Math.floor(m / 60), "hour", m % 60, "minute");
  return unit(Math.round(m / 1440), "day");
}

const pair = (a: number, large: string, b: number, small: string) => unit(a, large) + (b > 0 ? " " + unit(b, small) : "");

/** How long ago a moment was, as "14 s ago". */
export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  return ms < 1000 ? t("time.now") : t("time.ago", { span: span(ms < 9950 ? Math.floor(ms / 1000) * 1000 : ms) });
}

export const millis = (ms: number) => unit(ms, "millisecond", ms < 10 ? 1 : 0);

export const percent = (share: number) =>
  number(share, { style: "percent", maximumFractionDigits: share > 0 && share < 0.1 ? 1 : share > 0.99 && share < 1 ? 3 : 0 });

/** A moment, in the person's time: the time alone where it is today. */
export function moment(at: string, now = Date.now()): string {
  const d = new Date(at);
  const today = d.toDateString() === new Date(now).toDateString();
  return d.toLocaleString(language.value, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}
