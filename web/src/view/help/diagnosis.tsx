import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, Refusal, send } from "../../api";
import { ago, span } from "../../format";
import { mayAct, now } from "../../live";
import { Button } from "../../part/button";
import { Icon } from "../../part/icon";
import { sign } from "../../part/sign";
import { attempt } from "../../part/toast";
import { messages, type Message } from "../../sse";
import { language, t, told } from "../../words";
import type { Diagnosis as Whole, Finding } from "../../types";

/** Finds out what is wrong, step by step, and says it. The last that was found is there at once. */
export function Diagnosis() {
  const whole = useSignal<Whole | null>(null), checks = useSignal<Finding[]>([]), running = useSignal(false);
  const ending = useRef(new AbortController());
  useEffect(() => {
    void last(whole, checks);
    return () => ending.current.abort();
  }, [language.value]);
  const run = async () => {
    whole.value = null;
    checks.value = [];
    running.value = true;
    await attempt(() => ask(whole, checks, ending.current.signal));
    checks.value = checks.value.filter((c) => c.result !== "running"); // it was cut off
    running.value = false;
  };
  const done = whole.value;
  return (
    <section id="diagnosis" aria-busy={running.value}>
      <h2>{t("help.diagnosis")}</h2>
      <p class="lead">{t("help.diagnosis.what")}</p>
      {mayAct.value && <Button kind="primary" act={run}>{t(running.value ? "help.running" : done ? "help.runAgain" : "help.run")}</Button>}
      <div role="status">{done && <Verdict d={done} />}</div>
      <ol class="checks">{checks.value.map((c) => <Check key={c.name} c={c} />)}</ol>
    </section>
  );
}

/** Shows the latest diagnosis; there may be none. */
async function last(whole: Signal<Whole | null>, checks: Signal<Finding[]>) {
  try {
    const d = await api.get<Whole>("diagnosis");
    if (checks.value.some((c) => c.result === "running")) return;
    whole.value = d;
    checks.value = d.checks;
  } catch {
    // none was made yet, or the person may not see it: nothing is shown
  }
}

/** Runs one. Each check is told as it begins and as it ends; a service that does not tell so answers with the whole. */
async function ask(whole: Signal<Whole | null>, checks: Signal<Finding[]>, signal: AbortSignal) {
  const reply = await send("POST", "/api/v1/diagnosis/run", undefined, "text/event-stream", signal);
  const finish = (d: Whole) => {
    whole.value = d;
    checks.value = d.checks;
  };
  if (!reply.headers.get("Content-Type")?.startsWith("text/event-stream")) return finish(await reply.json());
  const take = ({ kind, data }: Message) => {
    if (!data) return;
    if (kind === "diagnosis") finish(JSON.parse(data));
    else if (kind === "check") checks.value = merged(checks.value, JSON.parse(data));
    else if (kind === "error") throw new Refusal(JSON.parse(data));
  };
  await messages(reply, (list) => list.forEach(take));
}

/** The list with what is known of one check now. */
function merged(list: Finding[], c: Finding): Finding[] {
  const at = list.findIndex((x) => x.name === c.name);
  return at < 0 ? [...list, c] : list.with(at, c);
}

const marks: Record<Finding["result"], [string, string]> = {
  running: [sign.wait, "busy"], ok: [sign.ok, "good"], failed: [sign.cross, "bad"], skipped: [sign.none, "off"],
};

/** The checks are named in English; what follows "with" is the name of a tunnel. */
function nameOf(name: string): string {
  const [what, tunnel] = name.split(" with ");
  const words = told("help.check." + what.replaceAll(/\W+/g, "_"), what);
  return tunnel ? `${words}: ${tunnel}` : words;
}

function Check({ c }: { c: Finding }) {
  const [icon, tone] = marks[c.result] ?? marks.skipped;
  return (
    <li data-tone={tone} data-result={c.result}>
      <Icon path={icon} />
      <div><b>{nameOf(c.name)}</b><p class="small" lang="en">{c.evidence}</p></div>
      <span><b>{t("help.result." + c.result)}</b>{c.tookMs >= 100 && <small> {span(c.tookMs)}</small>}</span>
    </li>
  );
}

/** What it comes to. */
function Verdict({ d }: { d: Whole }) {
  const tone = d.cause === null ? "good" : d.underlay ? "warn" : "bad";
  return (
    <article class="notice" data-tone={tone}>
      <h3>{d.tunnel && d.tunnel + ": "}{d.title}</h3>
      {d.what && <p>{d.what}</p>}
      {d.advice && <p class="advice">{d.advice}</p>}
      {d.evidence && <p><small lang="en">{d.evidence}</small></p>}
      {d.others.length > 0 && <p class="small">{t("help.others", { list: d.others.map((c, i) => d.otherTitles?.[i] ?? c).join(", ") })}</p>}
      <p class="small">{d.cause !== null && t(d.certain ? "help.certain" : "help.likely") + " · "}{t("help.found", { ago: ago(d.at, now.value) })}</p>
    </article>
  );
}
