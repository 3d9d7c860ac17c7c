import { effect, signal } from "@preact/signals";
import { api } from "./api";
import { happened, link, mayAct } from "./live";
import type { Group, TunnelSummary } from "./types";

/** Every tunnel and every group, sorted by name. Null: not read yet. */
export const tunnels = signal<TunnelSummary[] | null>(null);
export const groups = signal<Group[]>([]);

/** Reads them anew. */
export async function reload() {
  const [a, b] = await Promise.all([api.get<{ tunnels: TunnelSummary[] }>("tunnels"), api.get<{ groups: Group[] }>("groups")]);
  tunnels.value = a.tunnels;
  groups.value = b.groups;
}

/** Keeps them current for as long as the page is there. Changes that come together are read together. */
export function keepData() {
  let due = 0;
  effect(() => {
    const e = happened.value;
    if (link.value !== "live" || !mayAct.value || (tunnels.peek() && e?.kind !== "config_changed")) return;
    clearTimeout(due);
    due = setTimeout(() => reload().catch(() => {}), 50);
  });
}
