import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { span } from "../format";
import type { Tone } from "../state";
import { t, told } from "../words";

type Turn = "doubted" | "noticed" | "moved" | "returned" | "renewed" | "held" | "offline" | "online" | "back";

interface Came { turn: Turn; afterMs: number; tunnel?: string; cause?: string; downtimeMs?: number }

/** What was last done to the lab, what should come of it, and what has. */
export interface Story {
  at: string;
  ageMs: number;
  did: "break" | "heal" | "network";
  server: string;
  faults: string[];
  up: boolean;
  inUse: string;
  wants: Turn[];
  came: Came[];
}

interface Stop { key: string; tone: Tone; words: string; small?: string; at: number | null; next?: boolean }

const tones: Record<Turn, Tone> = {
  doubted: "warn", noticed: "bad", moved: "busy", returned: "good", renewed: "busy", held: "bad", offline: "warn", online: "busy", back: "good",
};

/** How long a fault that changes nothing is watched until that is certain, in ms. */
const stays = 8_000;
/** How long a clock runs for something that does not come, in ms. */
const patience = 60_000;

interface Props { story: Story; seenAt: number; silentMs: number; words: { title: string; then: string } }

/** A story as it goes on: what came about, when, and what is still to come. */
export function Telling({ story, seenAt, silentMs, words }: Props) {
  const now = useSignal(performance.now());
  const age = story.ageMs + Math.max(0, now.value - seenAt);
  const stops = stopsOf(story, age);
  const waits = stops.some((s) => s.next) && age < patience;
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(() => (now.value = performance.now()), 100);
    return () => clearInterval(timer);
  }, [waits]);
  const latest = stops.findLast((s) => s.at !== null)!;
  return (
    <div class="story">
      <p><b>{words.title}.</b> {words.then}</p>
      {stops.length > 1 && (
        <ol>
          {stops.map((s) => (
            <li key={s.key} data-tone={s.at === null ? undefined : s.tone} data-next={(s.next && waits) || undefined}>
              <span class="num">{s.at !== null ? span(s.at) : s.next && waits ? <i aria-hidden="true">{span(age)}</i> : "–"}</span>
              <b>{s.words}</b>
              {s.small && <small>{s.small}</small>}
            </li>
          ))}
        </ol>
      )}
      {silentMs > 0 && story.came.some((c) => c.turn === "held" || c.turn === "offline") && <p class="num">{t("lab.silent", { span: span(silentMs) })}</p>}
      <p class="hidden" role="status">{latest.at ? `${latest.words} ${latest.small ?? ""} (${span(latest.at)})` : words.title}</p>
    </div>
  );
}

/** The stops of a story: what has come, then what is still wanted after the last of it. */
function stopsOf(s: Story, age: number): Stop[] {
  const stops: Stop[] = [{ key: "start", tone: "off", words: t(startOf(s)), at: 0 }];
  let reached = -1;
  for (const c of s.came) {
    reached = Math.max(reached, s.wants.indexOf(c.turn));
    stops.push({ key: c.turn + (c.tunnel ?? ""), tone: tones[c.turn], words: t("lab.turn." + c.turn, { server: c.tunnel ?? "" }), small: smallOf(c), at: c.afterMs });
  }
  const wants = s.wants.slice(reached + 1).map((turn): Stop => ({ key: turn, tone: "off", words: t("lab.wait." + turn, { server: s.inUse }), at: null }));
  // What changes nothing is worth a stop, too: it went on.
  if (s.did === "break" && s.server === s.inUse && s.wants.length + s.came.length === 0)
    wants.push({ key: "stays", tone: "good", words: t("lab.turn.stays", { server: s.inUse }), at: age > stays ? stays : null });
  const next = wants.find((w) => w.at === null);
  if (next) next.next = true;
  return [...stops, ...wants];
}

const startOf = (s: Story) => "lab.start." + (s.did === "network" ? (s.up ? "on" : "off") : s.did);

function smallOf(c: Came): string | undefined {
  if (c.downtimeMs) return t("now.without", { span: span(c.downtimeMs) });
  if (c.turn === "noticed" && c.cause) return told("cause." + c.cause, "");
  return undefined;
}
