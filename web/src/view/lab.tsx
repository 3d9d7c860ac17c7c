import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Refusal, send } from "../api";
import { status } from "../live";
import { Button } from "../part/button";
import { attempt } from "../part/toast";
import { language, t, told } from "../words";
import { Telling, type Story } from "./story";

// The demo's lab: what breaks the servers inside the demo, and what comes of it.

interface Fault { key: string; name: string; what: string; momentary: boolean; answer: "move" | "renew" | "stay" }

interface Lab {
  servers: { name: string; broken: string[] }[];
  network: boolean;
  /** The most instructive first. */
  faults: Fault[];
  outage: { silentMs: number };
  story: Story | null;
}

const lab = signal<Lab | null>(null);
/** When the lab was looked at, by this tab's own clock. */
const seenAt = signal(0);
/** Whom the faults hit; "": the server in use. */
const chosen = signal("");
/** The fault whose words are shown; "": none was pointed at. */
const shown = signal("");

const inUse = computed(() => status.value?.active?.tunnel ?? lab.value?.servers[0].name ?? "");
const target = computed(() => chosen.value || inUse.value);

function keep(found: Lab) {
  seenAt.value = performance.now();
  lab.value = found;
}

const look = async () => keep(await (await send("GET", "/demo/v1/lab")).json());
const act = async (path: string, body: object) => keep(await (await send("POST", "/demo/v1/" + path, body)).json());

/** How often the lab is looked at, in ms: more often for as long as its story goes on. */
const pace = () => (lab.value?.story && lab.value.story.ageMs < 15_000 ? 300 : 1_000);

/** The faults that teach most: they have a button at once. */
const first = ["blackhole", "blackhole_up", "forwarding", "revoked", "psk", "refused", "restart", "loss", "mtu"];

let watching = false;

/** Looks at the lab for as long as the session lasts, in any view: then the demo does not play by itself. */
async function watch() {
  if (watching) return;
  for (watching = true; ; await new Promise((done) => setTimeout(done, pace()))) {
    try {
      if (!document.hidden) await look();
    } catch (err) {
      if (err instanceof Refusal && err.code === "no_session") return;
    }
  }
}

/** The buttons that break the demo's servers. */
export function Lab() {
  useEffect(() => void watch(), []);
  const l = lab.value;
  if (!l) return null;
  const broken = !l.network || l.servers.some((s) => s.broken.length > 0);
  return (
    <section class="lab" aria-labelledby="lab-title">
      <header>
        <div><h2 id="lab-title">{t("lab.title")}</h2><p>{t("lab.intro")}</p></div>
        <div class="actions">
          <Button act={() => act("network", { up: !l.network })}>{t(l.network ? "lab.networkOff" : "lab.networkOn")}</Button>
          <Button act={() => act("heal", {})} disabled={!broken}>{t("lab.healAll")}</Button>
        </div>
      </header>
      <ul class="servers">{l.servers.map((s) => <Server key={s.name} name={s.name} broken={s.broken} l={l} />)}</ul>
      <Faults l={l} />
      {l.story && <Telling key={l.story.at} story={l.story} seenAt={seenAt.value} silentMs={l.outage.silentMs} words={heading(l.story, l)} />}
    </section>
  );
}

function Server({ name, broken, l }: { name: string; broken: string[]; l: Lab }) {
  const used = status.value?.active?.tunnel === name;
  const faults = broken.map((key) => l.faults.find((f) => f.key === key)!).map(nameOf);
  return (
    <li data-tone={faults.length ? "bad" : used ? "good" : "off"}>
      <b>{name}</b>
      <span>{[used && t("lab.used"), ...faults].filter(Boolean).join(", ") || t("lab.ready")}</span>
      {faults.length > 0 && <Button kind="bare" label={t("lab.healOne", { server: name })} act={() => act("heal", { server: name })}>{t("lab.heal")}</Button>}
    </li>
  );
}

function Faults({ l }: { l: Lab }) {
  const name = target.value;
  const broken = l.servers.find((s) => s.name === name)?.broken ?? [];
  const press = (f: Fault) => {
    shown.value = f.key;
    const on = broken.includes(f.key);
    return act(on ? "heal" : "break", { server: name, fault: f.key });
  };
  const pills = (some: Fault[]) => (
    <div class="pills" role="group" aria-label={t("lab.ways", { server: name })}>
      {some.map((f) => <Pill key={f.key} f={f} on={broken.includes(f.key)} press={() => press(f)} />)}
    </div>
  );
  const f = l.faults.find((x) => x.key === shown.value), others = l.faults.filter((x) => !first.includes(x.key));
  return (
    <>
      <label class="target">
        {t("lab.break")}
        <select value={chosen.value} onChange={(e) => (chosen.value = e.currentTarget.value)}>
          <option value="">{t("lab.inUse", { server: inUse.value })}</option>
          {l.servers.map((s) => <option key={s.name} value={s.name}>{s.name}</option>)}
        </select>
      </label>
      {pills(first.map((key) => l.faults.find((f) => f.key === key)!))}
      <p class="what">{f ? <><b>{nameOf(f)}.</b> {whatOf(f)} {thenOf(f)}</> : t("lab.hint")}</p>
      <details>
        <summary>{t("lab.more", { count: others.length })}</summary>
        {pills(others)}
      </details>
    </>
  );
}

function Pill({ f, on, press }: { f: Fault; on: boolean; press: () => Promise<void> }) {
  const point = () => (shown.value = f.key);
  return (
    <span onPointerEnter={point} onFocusCapture={point}>
      <button type="button" aria-pressed={f.momentary ? undefined : on} aria-describedby={"lab-" + f.key} onClick={() => attempt(press)}>{nameOf(f)}</button>
      <span hidden id={"lab-" + f.key}>{whatOf(f)} {thenOf(f)}</span>
    </span>
  );
}

// The demo words its faults in English; other languages have theirs here.

function nameOf(f: Fault): string {
  const name = told(`fault.${f.key}.name`, f.name);
  return name[0].toLocaleUpperCase(language.value) + name.slice(1);
}

const whatOf = (f: Fault) => told(`fault.${f.key}.what`, f.what);
/** What to expect of Holdfast. */
const thenOf = (f: Fault) => told("lab.then." + f.key, t("lab.answer." + f.answer));

/** What was done, and what to expect. */
function heading(s: Story, l: Lab): { title: string; then: string } {
  const after = s.wants.includes("returned") ? t("lab.expect.returned") : "";
  if (s.did === "network") return { title: t(s.up ? "lab.did.on" : "lab.did.off"), then: t(s.up ? "lab.expect.on" : "lab.expect.off") };
  const f = l.faults.find((x) => x.key === s.faults[0]);
  if (s.did === "heal") return { title: s.server ? t("lab.did.healed", { server: s.server }) : t("lab.did.healedAll"), then: after };
  if (!f) return { title: s.server, then: "" };
  let then = f.key === shown.value ? "" : thenOf(f); // which stands above the story already
  if (s.server !== s.inUse) then = t("lab.expect.unused", { server: s.server });
  else if (s.wants.includes("held")) then = t("lab.expect.held");
  return { title: t("lab.did.broke", { server: s.server, fault: nameOf(f) }), then };
}
