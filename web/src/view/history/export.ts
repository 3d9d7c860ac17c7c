import { api, send } from "../../api";
import { saveAs } from "../../part/save";
import { say } from "../../part/toast";
import { t } from "../../words";
import { filter, picked, query } from "./journal";
import { lengths, range } from "./range";
import type { Event, EventPage } from "../../types";

/** Saves the chosen events as a table. */
export async function saveTable() {
  const q = query();
  q.set("format", "csv");
  const reply = await send("GET", "/api/v1/history?" + q, undefined, "text/csv");
  save(await reply.blob(), "csv");
}

/** Saves the chosen events as JSON, as the service has them. */
export async function saveJSON() {
  const q = query(), events: Event[] = [];
  q.set("limit", "1000");
  for (let next = ""; ; q.set("cursor", next)) {
    const page = await api.get<EventPage>("history?" + q);
    events.push(...page.events);
    next = page.next;
    if (!next) break;
  }
  const all = { schema: 1, since: q.get("since"), until: q.get("until") ?? undefined, events };
  save(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }), "json");
}

function save(data: Blob, kind: string) {
  const name = `${fileName()}.${kind}`;
  saveAs(name, data);
  say(t("history.saved", { name }));
}

/** A name that says what is in the file: holdfast-history-2026-11-22-to-2026-11-29-problems-berlin. */
function fileName(): string {
  const now = Date.now(), { kinds, tunnel } = filter.peek(), p = picked.peek();
  const date = (ms: number) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  const parts = ["holdfast-history", date(p?.since ?? now - lengths[range.peek()]), "to", date(p?.until ?? now), kinds === "all" ? "" : kinds, tunnel];
  return parts.filter(Boolean).join("-");
}
