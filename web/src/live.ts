import { batch, computed, effect, signal } from "@preact/signals";
import { api, host, Refusal, send } from "./api";
import { messages, type Message } from "./sse";
import { language } from "./words";
import type { About, Event, Figures, Me, Overall, Prefs, Samples, Status } from "./types";

// The one stream of this tab, and what it has told. It is closed while nobody
// looks at the page, so that neither the service nor the tab does work for it.

export type Link = "starting" | "live" | "reconnecting" | "unreachable";

/** How the page stands to the service. Anything but live makes its numbers old. */
export const link = signal<Link>("starting");
export const status = signal<Status | null>(null);
export const me = signal<Me>({ role: "viewer", user: "" });
export const about = signal<About | null>(null);
export const prefs = signal<Prefs | null>(null);
/** The latest event, for views that list events. */
export const happened = signal<Event | null>(null);
/** The moment that ages are reckoned from: it moves with the stream, once a second. */
export const now = signal(Date.now());

export interface Point { at: number; rx: number; tx: number; rtt: number | null }

/** The live figures of the last five minutes, the oldest first. */
export const points = signal<Point[]>([]);
export const keepMs = 300_000;

/** The one word for how things stand, with what only the page can know. Null: nothing has been heard yet. */
export const overall = computed<Overall | null>(() => (link.value === "unreachable" ? "service unreachable" : status.value?.overall ?? null));

export const mayAct = computed(() => !about.value?.readOnly && (me.value.role === "operator" || me.value.role === "admin"));
export const mayAdmin = computed(() => !about.value?.readOnly && me.value.role === "admin");

/** How long the service may be silent before it counts as unreachable, in ms (UX §1.4). */
const unreachableAfter = 3_000;
/** The stream says something every second; this long without means that it is dead. */
const silentAfter = 6_000;

let last = 0;
let running: AbortController | null = null;
let lostAt = 0;

/** Follows the service while the page is visible. It returns at once. */
export function follow() {
  addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  effect(() => {
    language.value; // words come in a language: begin anew in another
    pause();
    resume();
  });
}

function pause() {
  running?.abort();
  running = null;
}

function resume() {
  if (running || document.hidden) return;
  running = new AbortController();
  void keepReading(running.signal);
}

async function keepReading(signal: AbortSignal) {
  for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 4_000)) {
    const refused = await readOnce(signal, () => (wait = 250));
    if (signal.aborted || refused === "no_session") return;
    if (refused !== "not_permitted" || !(await limited())) lose();
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** Reads the stream to its end, and returns the code of what ended it; "": that was no refusal. */
async function readOnce(signal: AbortSignal, began: () => void): Promise<string> {
  try {
    await ask(signal);
    if (me.value.role !== "viewer") void remember().catch(() => {});
    await read(signal, began);
    return "";
  } catch (err) {
    return err instanceof Refusal ? err.code : "";
  }
}

/** Asks who the person is to the service; a service that came back may have another answer. One that hangs has none. */
async function ask(signal: AbortSignal) {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(silentAfter)]);
  me.value = await (await send("GET", "/api/v1/me", undefined, undefined, soon)).json();
}

/** Whoever may not follow the stream sees the overall state only. False: not even that can be had. */
async function limited(): Promise<boolean> {
  try {
    status.value = await api.get<Status>("status");
  } catch {
    return false;
  }
  found();
  return true;
}

function found() {
  lostAt = 0;
  link.value = "live";
}

function lose() {
  if (link.value !== "unreachable") link.value = "reconnecting";
  now.value = Date.now();
  if (lostAt) return;
  const at = (lostAt = now.value);
  setTimeout(() => lostAt === at && (link.value = "unreachable"), unreachableAfter);
}

async function read(signal: AbortSignal, began: () => void) {
  const silence = new AbortController();
  const stop = () => silence.abort();
  signal.addEventListener("abort", stop);
  let timer = setTimeout(stop, silentAfter);
  try {
    const query = last ? `&after=${last}` : "";
    const reply = await send("GET", `/api/v1/stream?figures=true${query}`, undefined, "text/event-stream", silence.signal);
    await messages(reply, (list) => {
      clearTimeout(timer);
      timer = setTimeout(stop, silentAfter);
      began();
      batch(() => list.forEach(take));
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Takes one message of the stream. Comments and kinds that are not known are passed over. */
function take({ kind, id, data }: Message) {
  if (id) last = id;
  if (!data) return;
  const message = JSON.parse(data);
  switch (kind) {
    case "snapshot":
    case "status":
      found();
      waiting = message;
      if (message.eventId !== status.value?.eventId || message.overall !== status.value?.overall) show();
      break;
    case "event":
      happened.value = message;
      break;
    case "figures":
      found();
      figure(message);
  }
}

/** A picture with nothing but other numbers: it is shown with the next figures that are drawn. */
let waiting: Status | null = null;

function show() {
  if (waiting) status.value = waiting;
  waiting = null;
}

/** How often the page is drawn for nothing but other numbers, in ms: seldom enough for a page that is left open to cost nothing. */
const drawEvery = 2_000;

let fresh: Point[] = [];

function figure(f: Figures) {
  const at = Date.parse(f.at);
  fresh.push({ at, rx: f.rxRate, tx: f.txRate, rtt: f.rttMs });
  if (Math.abs(at - now.value) < drawEvery - 500) return;
  show();
  now.value = at;
  points.value = [...points.value, ...fresh].filter((p) => p.at >= at - keepMs);
  fresh = [];
  const s = status.value;
  if (s?.active && s.active.tunnel === f.tunnel) status.value = { ...s, at: f.at, active: { ...s.active, ...f } as Status["active"] };
}

/** What was carried while nobody looked: the live figures go on from there. */
async function remember() {
  const step = 10_000, until = Math.floor(Date.now() / step) * step, from = until - keepMs;
  const { samples } = await api.get<Samples>(`samples?since=${new Date(from).toISOString()}&step=${step / 1000}s`);
  const carried = new Map<number, { rx: number; tx: number; rtt: number | null }>();
  for (const x of samples) {
    const at = Math.floor(Date.parse(x.at) / step) * step, sum = carried.get(at);
    carried.set(at, { rx: x.rxBytes + (sum?.rx ?? 0), tx: x.txBytes + (sum?.tx ?? 0), rtt: x.rttMs });
  }
  if (carried.size === 0) return;
  const past: Point[] = [];
  // A step without a reading is one in which nothing was carried.
  for (let at = Math.min(...carried.keys()); at < until; at += step) {
    const c = carried.get(at);
    past.push({ at: at + step, rx: (c?.rx ?? 0) / 10, tx: (c?.tx ?? 0) / 10, rtt: c?.rtt ?? null });
  }
  const live = points.value.filter((p) => p.at > until);
  points.value = [...past, ...live];
}

/** Asks the page's host about itself and what the person prefers. */
export async function greet() {
  [about.value, prefs.value] = await Promise.all([host.get<About>("about"), host.get<Prefs>("prefs")]);
}

/** Keeps a preference. */
export async function prefer(change: object) {
  prefs.value = await host.patch<Prefs>("prefs", change);
}
