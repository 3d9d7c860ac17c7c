import { signal } from "@preact/signals";

// All words of the page are in words/*.json. What the service words itself
// (notices, events, diagnoses) comes in this language from there.

/** The language of the page with the person's region, as a BCP 47 tag: "en-GB". */
export const language = signal("en");

let words: Record<string, string> = {};
let rightToLeft = false;
let plural: Intl.PluralRules;

const base = (tag: string) => tag.split("-")[0];

/** Loads a language, with the region that the browser gives it; "auto" chooses by the browser's. */
export async function speak(wanted: string, known: string[]): Promise<void> {
  const tag = navigator.languages.find((l) => (wanted === "auto" ? known : [wanted]).includes(base(l))) ?? (wanted === "auto" ? "en" : wanted);
  if (plural && language.value === tag) return;
  words = await (await fetch(`/words/${base(tag)}.json`)).json();
  plural = new Intl.PluralRules(tag);
  const root = document.documentElement;
  root.lang = tag;
  // The direction is the language's; a test may turn it around to see that nothing depends on it.
  root.dir = sessionStorage.getItem("holdfast-dir") ?? words["language.direction"];
  rightToLeft = root.dir === "rtl";
  language.value = tag;
}

/** Keeps a name or a figure in one piece where the words around it run from right to left. */
export const whole = (text: string) => (rightToLeft ? "\u2068" + text + "\u2069" : text);

export type Fill = Record<string, string | number>;

/** The words for a key, with what belongs into their {places}. A count chooses between .one and .other. */
export function t(key: string, fill?: Fill): string {
  language.value; // whoever shows words shows others in another language
  let text = words[key];
  if (text === undefined && fill?.count !== undefined) text = words[`${key}.${plural.select(Number(fill.count))}`] ?? words[key + ".other"];
  if (text === undefined) return key;
  return fill ? text.replace(/\{(\w+)\}/g, (_, name) => whole(String(fill[name] ?? ""))) : text;
}

/** The words for a key, or another text where there are none. */
export const told = (key: string, otherwise: string) => words[key] ?? otherwise;
