import { signal } from "@preact/signals";
import { api, Refusal } from "../../api";
import { groups, reload, tunnels } from "../../data";
import { t } from "../../words";
import { decode, maxBytes, nameFault, plain, same, suggest } from "./text";
import type { Check, Tunnel } from "./types";
import { isZip, unzip, ZipFault } from "./unzip";

/** A configuration that was handed in and is looked at before it is saved. */
export interface Incoming {
  id: number;
  /** Where it is from, as a file's name; "": it was pasted. */
  from: string;
  text: string;
  name: string;
  /** It is to take the place of the tunnel of that name. */
  replace: boolean;
  chosen: boolean;
  state: "waiting" | "ready" | "refused" | "saving" | "saved";
  check: Check | null;
  /** Why it was refused, in words; "": see check. */
  fault: string;
  hint: string;
}

export const incoming = signal<Incoming[]>([]);
/** How far the work is that goes on now. */
export const progress = signal<{ done: number; of: number } | null>(null);

const most = 100;
let next = 1;

const fresh = (from: string): Incoming => ({
  id: next++, from, text: "", name: "", replace: false, chosen: false, state: "waiting", check: null, fault: "", hint: "",
});

export function change(id: number, to: Partial<Incoming>) {
  incoming.value = incoming.value.map((x) => (x.id === id ? { ...x, ...to } : x));
}

export const drop = (id: number) => (incoming.value = incoming.value.filter((x) => x.id !== id));
export const clear = () => (incoming.value = []);

/** Takes files in, looks into archives, and has each configuration checked. */
export async function take(files: Iterable<File>) {
  const found: Incoming[] = [];
  for (const file of files) found.push(...(await open(file)));
  add(found);
}

/** Takes in what was pasted. */
export function paste(text: string) {
  add([{ ...fresh(""), text }]);
}

function add(found: Incoming[]) {
  const room = most - incoming.value.length;
  const kept = found.slice(0, room);
  if (found.length > room) kept.push(refused("", t("tunnels.file.many", { count: found.length - room })));
  incoming.value = [...incoming.value, ...kept];
  void check();
}

const refused = (from: string, fault: string): Incoming => ({ ...fresh(from), state: "refused", fault });

async function open(file: File): Promise<Incoming[]> {
  const from = plain(file.name);
  try {
    // An archive says so in its first bytes, whatever it is called.
    if (isZip(new Uint8Array(await file.slice(0, 4).arrayBuffer()))) return await openArchive(file, from);
    if (/\.zip$/i.test(from) && file.size > 0) return [refused(from, t("tunnels.zip.bad"))];
    if (file.size > maxBytes) return [refused(from, t("tunnels.file.large"))];
    return [read(from, new Uint8Array(await file.arrayBuffer()))];
  } catch (err) {
    return [refused(from, t(err instanceof ZipFault ? err.message : "tunnels.file.unreadable"))];
  }
}

async function openArchive(file: File, from: string): Promise<Incoming[]> {
  if (file.size > 11 << 20) return [refused(from, t("tunnels.zip.large"))];
  const { entries, skipped } = await unzip(new Uint8Array(await file.arrayBuffer()));
  const found = entries.map((e) => (e.bytes ? read(e.name, e.bytes) : refused(e.name, t(e.fault!))));
  if (found.length === 0) found.push(refused(from, t("tunnels.zip.none", { count: skipped })));
  return found;
}

function read(from: string, bytes: Uint8Array): Incoming {
  const text = decode(bytes);
  if (text.trim() === "") return refused(from, t("tunnels.file.empty"));
  const odd = text.match(/[\0-\x08\x0e-\x1f]/g)?.length ?? 0;
  return odd > text.length / 50 ? refused(from, t("tunnels.file.binary")) : { ...fresh(from), text };
}

/** Every name that cannot be given to a new tunnel, but for those of the incoming one itself. */
export function taken(but?: number): string[] {
  return [
    ...(tunnels.value ?? []).map((x) => x.name),
    ...groups.value.map((g) => g.name),
    ...incoming.value.filter((x) => x.id !== but && x.state !== "refused").map((x) => x.name),
  ];
}

/** Why an incoming tunnel cannot be saved under its name; "": it can. */
export function conflict(one: Incoming): "" | "shape" | "tunnel" | "group" | "twice" {
  if (nameFault(one.name)) return "shape";
  if (groups.value.some((g) => same(g.name, one.name))) return "group";
  if (incoming.value.some((x) => x.id !== one.id && x.state !== "refused" && same(x.name, one.name))) return "twice";
  return !one.replace && tunnels.value?.some((x) => same(x.name, one.name)) ? "tunnel" : "";
}

let checking = false;

/** Asks the service about each one that waits, one after the other. */
async function check() {
  if (checking) return;
  checking = true;
  try {
    for (let done = 0; ; done++) {
      const waiting = incoming.value.filter((x) => x.state === "waiting");
      progress.value = waiting.length > 0 ? { done, of: done + waiting.length } : null;
      if (waiting.length === 0) return;
      await checkOne(waiting[0]);
    }
  } finally {
    checking = false;
    progress.value = null;
  }
}

async function checkOne(one: Incoming) {
  try {
    const found = await api.post<Check>("tunnels/check", { text: one.text });
    // A file that has a tunnel's name may be its next version: the person is asked. Others get a name that is free.
    const own = suggest(one.from, incoming.value.map((x) => x.name));
    const name = one.from && tunnels.value?.some((x) => same(x.name, own)) ? own : suggest(one.from, taken(one.id));
    change(one.id, { check: found, name, chosen: found.valid, state: found.valid ? "ready" : "refused" });
  } catch (err) {
    const known = err instanceof Refusal ? err : null;
    const fault = known?.code === "unreachable" ? t("state.service-unreachable.what") : (err as Error).message;
    change(one.id, { state: "refused", fault, hint: known?.hint ?? "" });
  }
}

/** Saves those that are chosen, and notes at each how it went. It returns the names that were saved. */
export async function save(): Promise<string[]> {
  const chosen = incoming.value.filter((x) => x.chosen && x.state === "ready" && conflict(x) === "");
  const saved: string[] = [];
  for (const [done, one] of chosen.entries()) {
    progress.value = { done, of: chosen.length };
    change(one.id, { state: "saving", fault: "", hint: "" });
    try {
      const made = await api.post<Tunnel>("tunnels", { name: one.name, text: one.text, overwrite: one.replace });
      saved.push(made.name);
      // The text holds the private key: it is not kept for longer than it is needed.
      change(one.id, { state: "saved", chosen: false, text: "" });
    } catch (err) {
      change(one.id, { state: "ready", fault: (err as Error).message, hint: err instanceof Refusal ? err.hint : "" });
      if (err instanceof Refusal && err.code === "no_session") break;
    }
  }
  progress.value = null;
  await reload().catch(() => {});
  return saved;
}
