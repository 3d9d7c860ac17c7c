import { unit } from "../../format";
import { language, t, told } from "../../words";
import type { Setting } from "../../types";

// A setting's value is text to the API, as "1m30s" or "auto". People read and
// type it in their own language, as "1 min 30 s".

/** What kind of input a setting wants, by what the API says of it. */
export function kindOf(s: Setting): "switch" | "choice" | "bounded" | "text" {
  if (s.choices.length === 2 && s.choices.includes("true") && s.choices.includes("false")) return "switch";
  if (s.min !== "" || s.max !== "") return "bounded";
  return s.choices.length > 0 ? "choice" : "text";
}

/** Bounds of a length of time end with its unit, those of a number do not. */
const isSpan = (s: Setting) => /[a-zµ]$/.test(s.max || s.min);

const lengths: Record<string, number> = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** Go's form of a length of time in ms. NaN: it is none. */
export function millisOf(text: string): number {
  const parts = [...text.matchAll(/([\d.]+)(ns|µs|ms|s|m|h)/g)];
  return parts.map((p) => p[0]).join("") === text && text !== "" ? parts.reduce((sum, p) => sum + Number(p[1]) * lengths[p[2]], 0) : NaN;
}

/** The exact length, as "1 min 30 s": a setting is never rounded. */
export function exact(ms: number): string {
  const h = Math.floor(ms / 3.6e6), m = Math.floor(ms / 6e4) % 60, s = (ms % 6e4) / 1e3;
  const shown = [h && unit(h, "h"), m && unit(m, "min"), s && unit(s, "s", 3)].filter(Boolean);
  return shown.join(" ") || unit(0, "s");
}

/** A word that a setting may be, in the person's language. */
export const wordOf = (s: Setting, choice: string) => told(`setting.${s.key}.${choice}`, told("setting.word." + choice, choice));

/** A value as the person reads it. */
export function shown(s: Setting, value: string): string {
  if (s.choices.includes(value)) return wordOf(s, value);
  if (!isSpan(s)) return value;
  const ms = millisOf(value);
  return Number.isNaN(ms) ? value : exact(ms);
}

/** What a bare number means, where the value does not say it itself. */
const unitOf = (s: Setting) => (isSpan(s) || !s.unit ? "" : told("settings.unit." + s.unit, s.unit));

/** What the person may type: "1 s to 24 h". */
export function range(s: Setting): string {
  if (kindOf(s) !== "bounded") return "";
  const words = s.choices.map((c) => wordOf(s, c));
  const ends = t("settings.range", { min: shown(s, s.min), max: [shown(s, s.max), unitOf(s)].join(" ").trim() });
  return words.length ? t("settings.rangeOr", { range: ends, words: words.join(", ") }) : ends;
}

/** The first letters of the units that are typed; "" is the API's own: seconds. */
const typed: [RegExp, number, string][] = [
  [/^ms/i, 1, "ms"], [/^(s|$)/i, 1, "s"], [/^m/i, 1, "m"], [/^(h|st)/i, 1, "h"], [/^[dt]/i, 24, "h"],
];

/** What the person typed, as the API reads it. What cannot be read goes as it is, so that the API says what is wrong. */
export function wire(s: Setting, text: string): string {
  text = text.replace(/[\u2066-\u2069]/g, "").trim();
  const word = s.choices.find((c) => wordOf(s, c).toLocaleLowerCase(language.value) === text.toLocaleLowerCase(language.value));
  if (word !== undefined) return word;
  if (!isSpan(s)) return text.replace(/\s+/g, " ");
  const parts = [...text.matchAll(/(\d+(?:[.,]\d+)?)\s*(\p{L}*)\.?\s*/gu)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== text) return text;
  const read = parts.map(([, n, name]) => {
    const by = typed.find(([begins]) => begins.test(name));
    return by && Number(n.replace(",", ".")) * by[1] + by[2];
  });
  return read.every(Boolean) ? read.join("") : text;
}
