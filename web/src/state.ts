import type { Overall, Status } from "./types";

/** How a state feels; it chooses colours only. */
export type Tone = "good" | "calm" | "busy" | "warn" | "bad" | "off";

const tones: Record<Overall, Tone> = {
  off: "off", connecting: "busy", protected: "good", idle: "calm", checking: "warn", switching: "warn",
  stalled: "bad", blocked: "bad", offline: "warn", "sign-in needed": "warn", "service unreachable": "bad",
};

export const tone = (o: string | null): Tone => tones[o as Overall] ?? "off";

/** A state's name in keys of words and in names of files. */
export const slug = (o: string) => o.replaceAll(" ", "-");

/** The picture of a state; that of off before anything is known. */
export const picture = (o: string | null) => `/assets/${slug(o ?? "off")}.svg`;

/** What the kill switch does, in a word, as service/status has it: nothing is called shut that was not read back. */
export const guard = ({ guard: g, wish }: Status) =>
  g.pausedUntil ? "paused" : g.released ? "released" : g.blocking && g.verified ? "blocking"
  : g.blocking ? "unverified" : g.mode === "off" ? "off" : !wish.on && g.mode !== "always" ? "open" : g.verified ? "shut" : "unverified";
