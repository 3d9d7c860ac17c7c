import { signal } from "@preact/signals";

/** A text that the editor is to begin with, once. */
export const draft = signal<{ name: string; text: string } | null>(null);

/** The tunnel that has just been given a new key, which its server must be told. */
export const newKey = signal("");
