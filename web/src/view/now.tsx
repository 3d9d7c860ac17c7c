import { useSignal } from "@preact/signals";
import { api } from "../api";
import { groups, tunnels } from "../data";
import { ago, millis, moment, percent, rate, span } from "../format";
import { about, keepMs, mayAct, now, overall, points, status } from "../live";
import { Button } from "../part/button";
import { Chart } from "../part/chart";
import { later } from "../part/later";
import { sheet } from "../sheet";
import { guard, picture, slug, tone } from "../state";
import { t, told } from "../words";
import { Notices } from "./notices";
import { welcoming } from "./welcome/state";
import type { Active, Member, Status } from "../types";

const Lab = later(async () => (await sheet("lab"), await import("./lab")).Lab);
const Guard = later(async () => (await sheet("guard"), await import("./guard")).Guard);
const Welcome = later(async () => (await sheet("tunnels"), await import("./tunnels")).Welcome);

/** How things stand: one word for it, why, what to do, and what it rests on. Where there is no tunnel yet: the way to the first. */
export function Now() {
  const s = status.value;
  if (mayAct.value && overall.value !== "service unreachable" && (welcoming.value || tunnels.value?.length === 0)) return <Welcome />;
  return (
    <>
      <Hero />
      {s && !s.limited && (s.overall === "sign-in needed" || !["off", "open", "shut"].includes(guard(s))) && <Guard s={s} />}
      {about.value?.demo && mayAct.value && <Lab />}
      {s && <Notices list={s.notices} />}
      {s?.active && <Numbers a={s.active} />}
      {s?.active && <Throughput />}
      {s && s.members.length > 0 && <Members s={s} />}
      {s && !s.limited && <Foot s={s} />}
    </>
  );
}

function Hero() {
  const s = status.value, state = overall.value;
  if (!state) return <header class="hero" aria-busy="true" />;
  const name = slug(state);
  const fill = { tunnel: s?.active?.tunnel ?? s?.wish.target ?? "" };
  const text = s?.guard?.pausedUntil ? t("guard.resting") : s?.active || !told(`state.${name}.bare`, "") ? t(`state.${name}.what`, fill) : t(`state.${name}.bare`);
  return (
    <header class="hero" data-tone={tone(state)}>
      <img src={picture(state)} alt="" width="88" height="88" />
      <div>
        <h1>{t("state." + name)}</h1>
        <p>{text}</p>
        {s?.limited && <p>{t("now.limited")}</p>}
      </div>
      {mayAct.value && s && state !== "service unreachable" && <Wishes s={s} />}
    </header>
  );
}

function Wishes({ s }: { s: Status }) {
  if (!s.wish.on) return <Connect s={s} />;
  return (
    <div class="actions">
      <Button act={() => api.post("disconnect")}>{t("now.disconnect")}</Button>
      <Button act={() => api.post("reconnect")}>{t("now.reconnect")}</Button>
    </div>
  );
}

/** Connects to what was wished for last; where there is more to choose from, to what is chosen. */
function Connect({ s }: { s: Status }) {
  const chosen = useSignal("");
  const names = [...groups.value.map((g) => g.name), ...(tunnels.value ?? []).filter((x) => !x.problem).map((x) => x.name)];
  if (names.length === 0) return null;
  const target = [chosen.value, s.wish.target ?? ""].find((n) => names.includes(n)) ?? names[0];
  return (
    <div class="actions">
      {names.length > 1 && (
        <select aria-label={t("now.target")} value={target} onChange={(e) => (chosen.value = e.currentTarget.value)}>
          {names.map((n) => <option key={n}>{n}</option>)}
        </select>
      )}
      <Button kind="primary" act={() => api.post("connect", { target })}>{t("now.connect")}</Button>
    </div>
  );
}

function Numbers({ a }: { a: Active }) {
  return (
    <dl class="numbers">
      <div class="wider"><dt>{t("now.active")}</dt><dd><b>{a.tunnel}</b><small>{a.endpoint}</small></dd></div>
      <div><dt>{t("now.rtt")}</dt><dd class="num">{a.rttMs == null ? "–" : millis(a.rttMs)}</dd></div>
      <div><dt>{t("now.loss")}</dt><dd class="num">{percent(a.loss)}</dd></div>
      <div class="wider">
        <dt>{t("now.handshake")}</dt>
        <dd class="num">{a.lastHandshake ? ago(a.lastHandshake, now.value) : "–"}<small>{meaning(a)}</small></dd>
      </div>
    </dl>
  );
}

/** What the age of a handshake says: never trouble by itself (an idle tunnel makes none). */
function meaning(a: Active): string {
  if (!a.lastHandshake) return t("handshake.none");
  if (a.verdict === "unhealthy") return t("handshake.dead");
  const age = now.value - Date.parse(a.lastHandshake);
  if (age < 120_000) return t("handshake.fresh");
  return a.verdict === "idle" || age > 180_000 ? t("handshake.idle") : t("handshake.due");
}

function Throughput() {
  const open = useSignal(false);
  const last = points.value.at(-1);
  return (
    <Chart
      title={t("now.throughput")}
      summary={last ? `↓ ${rate(last.rx)}  ↑ ${rate(last.tx)}` : ""}
      series={[{ label: t("now.down"), tone: "rx" }, { label: t("now.up"), tone: "tx", dash: true }]}
      data={() => [points.value.map((p) => p.at / 1000), points.value.map((p) => p.rx), points.value.map((p) => p.tx)]}
      span={() => [(now.value - keepMs) / 1000, now.value / 1000]}
      value={rate}
    >
      <p class="key"><i class="rx" />{t("now.down")}<i class="tx" />{t("now.up")}</p>
      <details onToggle={(e) => (open.value = e.currentTarget.open)}><summary>{t("chart.table")}</summary>{open.value && <PointTable />}</details>
    </Chart>
  );
}

/** The same figures as text: the mean of every half minute, the latest first. */
function PointTable() {
  const step = 30_000, rows = new Map<number, { rx: number; tx: number; n: number }>();
  for (const p of points.value) {
    const at = Math.floor(p.at / step) * step, r = rows.get(at) ?? { rx: 0, tx: 0, n: 0 };
    rows.set(at, { rx: r.rx + p.rx, tx: r.tx + p.tx, n: r.n + 1 });
  }
  return (
    <table>
      <thead><tr><th>{t("chart.time")}</th><th>{t("now.down")}</th><th>{t("now.up")}</th></tr></thead>
      <tbody>
        {[...rows].reverse().map(([at, r]) => (
          <tr key={at}><td>{moment(new Date(at).toISOString(), now.value)}</td><td>{rate(r.rx / r.n)}</td><td>{rate(r.tx / r.n)}</td></tr>
        ))}
      </tbody>
    </table>
  );
}

function Members({ s }: { s: Status }) {
  return (
    <section data-tone={tone(overall.value)}>
      <h2>{s.active?.group || s.members.length > 1 ? t("now.members", { group: s.wish.target ?? "" }) : t("now.member")}</h2>
      <ol class="members">
        {s.members.map((m) => <Row key={m.tunnel} m={m} alone={s.members.length < 2} />)}
      </ol>
    </section>
  );
}

function Row({ m, alone }: { m: Member; alone: boolean }) {
  const held = m.heldUntil && Date.parse(m.heldUntil) > now.value ? Date.parse(m.heldUntil) - now.value : 0;
  return (
    <li data-active={m.standby === "active" || undefined}>
      <b>{m.tunnel}</b>
      <span>{t("role." + m.role)}</span>
      <span>{held ? t("member.held", { span: span(held) }) : t("standby." + m.standby)}</span>
      <span class="num">{m.lastAnswer ? t("member.answered", { ago: ago(m.lastAnswer, now.value) }) : t("member.silent")}</span>
      <span class="num">{m.rttMs == null ? "" : millis(m.rttMs)}</span>
      {!alone && mayAct.value && m.standby !== "active" && (
        <Button act={() => api.post("switch", { name: m.tunnel })} label={t("member.switchTo", { tunnel: m.tunnel })}>{t("member.switch")}</Button>
      )}
    </li>
  );
}

function Foot({ s }: { s: Status }) {
  const l = s.lastSwitch;
  return (
    <section class="foot">
      <p>
        <b>{t("guard.title")}</b> {t("guard.is." + guard(s))}
      </p>
      {l && (
        <p>
          <b>{t("now.lastSwitch")}</b> {t("switch." + l.kind, { from: l.from, to: l.to })}, {ago(l.at, now.value)}
          {l.downtimeMs > 0 && " · " + t("now.without", { span: span(l.downtimeMs) })}
        </p>
      )}
    </section>
  );
}
