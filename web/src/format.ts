import { language, t, whole } from "./words";

const formats = new Map<string, Intl.NumberFormat>();

function number(value: number, options: Intl.NumberFormatOptions): string {
  const key = language.value + JSON.stringify(options);
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.NumberFormat(language.value, options)));
  return f.format(value);
}

const nbsp = "\u00a0";

/** A figure with its unit's symbol, which is the same in every language. */
export const unit = (value: number, symbol: string, digits = 0) => whole(number(value, { maximumFractionDigits: digits }) + nbsp + symbol);

/** The largest of some units, each a thousand of the one before, in which n is at least 1. */
function scaled(n: number, symbols: string[], digitsBelow: number): string {
  let i = 0;
  for (; n >= 1000 && i < symbols.length - 1; i++) n /= 1000;
  return unit(n, symbols[i], i > 0 && n < digitsBelow ? 1 : 0);
}

/** A count of bytes, as "1.4 MB". */
export const bytes = (n: number) => scaled(n, ["B", "kB", "MB", "GB", "TB"], 100);

/** Bytes a second as bits, as lines are sold: "12 Mbit/s". */
export const rate = (bytesPerSecond: number) => scaled(bytesPerSecond * 8, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"], 10);

/** A length of time: "0.4 s", "42 s", "3 min 20 s", "2 h 5 min", "4 d". */
export function span(ms: number): string {
  const s = ms / 1000, m = Math.round(s / 60);
  if (s < 9.95) return unit(s, "s", 1);
  if (s < 59.5) return unit(Math.round(s), "s");
  if (s < 600) return pair(Math.floor(Math.round(s) / 60), "min", Math.round(s) % 60, "s");
  if (m < 60) return unit(m, "min");
  if (m < 48 * 60) return pair(Math.floor(m / 60), "h", m % 60, "min");
  return unit(Math.round(m / 1440), "d");
}

const pair = (a: number, large: string, b: number, small: string) => unit(a, large) + (b > 0 ? " " + unit(b, small) : "");

/** How long ago a moment was, as "14 s ago". */
export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  return ms < 1000 ? t("time.now") : t("time.ago", { span: span(ms < 9950 ? Math.floor(ms / 1000) * 1000 : ms) });
}

export const millis = (ms: number) => unit(ms, "ms", ms < 10 ? 1 : 0);

export const percent = (share: number) =>
  number(share, { style: "percent", maximumFractionDigits: share > 0 && share < 0.1 ? 1 : share > 0.99 && share < 1 ? 3 : 0 });

/** A moment, in the person's time: the time alone where it is today. */
export function moment(at: string, now = Date.now()): string {
  const d = new Date(at);
  const today = d.toDateString() === new Date(now).toDateString();
  return d.toLocaleString(language.value, today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}
