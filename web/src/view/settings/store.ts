import { computed, effect, signal } from "@preact/signals";
import { api, Refusal } from "../../api";
import { happened, link } from "../../live";
import { say } from "../../part/toast";
import { t } from "../../words";
import { shown } from "./value";
import type { Setting } from "../../types";

/** Every setting of the service. Null: not read yet. */
export const settings = signal<Setting[] | null>(null);
/** Why they cannot be read. */
export const refused = signal<Refusal | null>(null);

export const setting = (key: string) => computed(() => settings.value?.find((s) => s.key === key));

interface List { settings: Setting[] }

/** Keeps the settings current, also where someone else changes them, until what it returns is called. */
export function keepSettings(): () => void {
  return effect(() => {
    const kind = happened.value?.kind;
    if (link.value === "live" && (!settings.peek() || kind === "settings_changed")) void load();
  });
}

async function load() {
  try {
    settings.value = (await api.get<List>("settings")).settings;
    refused.value = null;
  } catch (err) {
    if (err instanceof Refusal && err.code !== "no_session") refused.value = err;
  }
}

let last: Promise<unknown> = Promise.resolve();

/** Changes one setting, after the changes before it. */
function put(key: string, value: string): Promise<void> {
  const done = last.then(async () => {
    settings.value = (await api.patch<List>("settings", { [key]: value })).settings;
  });
  last = done.catch(() => {});
  return done;
}

/** What each setting is on its way to be: a person may change their mind before the service has answered. */
const wanted = new Map<string, string>();

/** Changes a setting and offers the way back. It throws the Refusal of a value that will not do. */
export async function change(s: Setting, value: string) {
  if (value === (wanted.get(s.key) ?? s.value)) return;
  wanted.set(s.key, value);
  try {
    await put(s.key, value);
  } finally {
    if (wanted.get(s.key) === value) wanted.delete(s.key);
  }
  const now = settings.value!.find((x) => x.key === s.key)!;
  say(t("settings.changed", { setting: label(s), value: shown(now, now.value) }), () => put(s.key, s.value));
}

/** A setting's name in the person's words; a new one is called as the API calls it. */
export const label = (s: Setting) => {
  const key = "setting." + s.key, words = t(key);
  return words === key ? s.key : words;
};
