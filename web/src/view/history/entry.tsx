import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../../api";
import { span } from "../../format";
import { t, told } from "../../words";
import { facts, headline, toneOf } from "./days";
import { causeWord } from "./says";
import { clock, exactly } from "./when";
import type { Event, EventPage } from "../../types";

const signs: Record<string, string> = { bad: "■", warn: "▲", good: "●", busy: "◆" };

/** One event: a line, which opens to what it rests on. */
export function Entry({ e }: { e: Event }) {
  const open = useSignal(false);
  return (
    <li>
      <details class="event" onToggle={(x) => (open.value = x.currentTarget.open)}>
        <summary data-tone={toneOf(e)}>
          <time dateTime={e.at}>{clock(e.at)}</time><i aria-hidden="true">{signs[toneOf(e)] ?? "○"}</i><span>{headline(e)}</span>
        </summary>
        {open.value && <Evidence e={e} />}
      </details>
    </li>
  );
}

const judgements = /^(verdict|state|underlay|guard)_changed$/;
const changes = /^(verdict|state|underlay|guard|endpoint|wish)_changed$|^failed_/;

/** What was seen and asked, what it was judged to be, and what happened around it. */
function Evidence({ e }: { e: Event }) {
  const seen = facts(e.evidence), judged = judgements.test(e.kind);
  const word = (s?: string) => (!s ? "–" : judged ? told("history.word." + s, s.replaceAll("_", " ")) : s.replaceAll("_", " "));
  const rows: [string, string | undefined][] = [
    [t("chart.time"), exactly(e.at)],
    [t("now.member"), e.tunnel],
    [t("history.change"), changes.test(e.kind) ? `${word(e.from)} → ${word(e.to)}` : ""],
    [t("history.cause"), causeWord(e.cause)],
    [t("history.downtime"), e.downtimeMs ? span(e.downtimeMs) : ""],
  ];
  return (
    <div class="evidence">
      <dl>{rows.map(([name, value]) => value && <div key={name}><dt><small>{name}</small></dt><dd>{value}</dd></div>)}</dl>
      {seen.length > 0 && <><h4>{t("history.evidence")}</h4><ul lang="en" dir="auto">{seen.map((f) => <li key={f}>{f}</li>)}</ul></>}
      <Around e={e} />
      <small>{t("history.number", { id: e.id, kind: e.kind })}</small>
    </div>
  );
}

/** How far around an event is looked for what belongs to it, in ms. */
const reach = 45_000;

/** The events just before and after: how it came to it, and what was done. They are read when they are asked for. */
function Around({ e }: { e: Event }) {
  const near = useSignal<Event[] | null>(null);
  const at = Date.parse(e.at);
  const look = async () => {
    const since = new Date(at - reach - (e.downtimeMs ?? 0)).toISOString(), until = new Date(at + reach).toISOString();
    near.value = (await api.get<EventPage>(`history?since=${since}&until=${until}&limit=40`)).events.reverse();
  };
  useEffect(() => void look().catch(() => {}), []);
  if (!near.value || near.value.length < 2) return null;
  return (
    <>
      <h4>{t("history.around")}</h4>
      <ol>
        {near.value.map((n) => <li key={n.id} aria-current={n.id === e.id || undefined}><span class="num">{apart(Date.parse(n.at) - at)}</span>{headline(n)}</li>)}
      </ol>
    </>
  );
}

const apart = (ms: number) => (ms < 0 ? "−" : "+") + span(Math.abs(ms));
