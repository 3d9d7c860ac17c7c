import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, part, Refusal } from "../../api";
import { tunnels } from "../../data";
import { happened, mayAct } from "../../live";
import { Button } from "../../part/button";
import { go } from "../../route";
import { t } from "../../words";
import { carries, comma, Scripts, Told, Warnings } from "./config";
import { Key } from "./copy";
import { newKey } from "./draft";
import { Back } from "./head";
import { Manage } from "./manage";
import type { Config, Peer, Tunnel } from "./types";
import { inUse } from "./use";

/** One tunnel: what it does, and what can be done with it. */
export function One({ name }: { name: string }) {
  const found = useSignal<Tunnel | null>(null), fault = useSignal<Refusal | null>(null);
  const changed = happened.value?.kind === "config_changed" ? happened.value.id : 0;
  useEffect(() => {
    let current = true;
    api.get<Tunnel>("tunnels/" + part(name)).then(
      (x) => current && ((found.value = x), (fault.value = null)),
      (err) => current && (fault.value = err instanceof Refusal ? err : null),
    );
    return () => void (current = false);
  }, [name, changed]);
  const unreadable = !!tunnels.value?.find((x) => x.name === name)?.problem || (fault.value?.problems.length ?? 0) > 0;
  return (
    <>
      <Back />
      <header class="head">
        <h1>{name}</h1>
        {inUse(name) && <span class="badge" data-tone="good">{t(found.value?.active ? "tunnels.active" : "tunnels.wished")}</span>}
      </header>
      {newKey.value === name && found.value && <Tell publicKey={found.value.config.publicKey} />}
      {found.value ? <Shown x={found.value} /> : fault.value && <Broken name={name} fault={fault.value} unreadable={unreadable} />}
      {mayAct.value && (found.value || unreadable) && <Manage name={name} readable={!!found.value} />}
    </>
  );
}

/** What the server must be told before a new key works. */
function Tell({ publicKey }: { publicKey: string }) {
  return (
    <section class="tell" data-tone="good">
      <h2>{t("tunnels.key.made")}</h2>
      <p>{t("tunnels.key.give")}</p>
      <Key value={publicKey} label={t("tunnels.key.copy")} />
      <div class="actions"><button type="button" onClick={() => (newKey.value = "")}>{t("tunnels.key.given")}</button></div>
    </section>
  );
}

function Shown({ x }: { x: Tunnel }) {
  const c = x.config;
  return (
    <>
      <section>
        <header class="head">
          <h2>{carries(c)}</h2>
          {mayAct.value && !inUse(x.name) && <Button kind="primary" label={t("tunnels.connectTo", { name: x.name })} act={() => api.post("connect", { target: x.name }).then(() => go("now"))}>{t("now.connect")}</Button>}
        </header>
        {c.warnings.some((w) => w.code === "split_tunnel") && <dl class="facts"><div class="whole"><dt>{t("tunnels.routes")}</dt><dd><bdi dir="ltr">{comma(c.routes)}</bdi></dd></div></dl>}
        <Warnings list={c.warnings} />
        <Scripts list={c.scripts} />
      </section>
      <Here c={c} groups={x.groups} />
      {c.peers.map((p, i) => <PeerCard key={p.publicKey} p={p} title={c.peers.length > 1 ? t("tunnels.peer.of", { n: i + 1, of: c.peers.length }) : t("tunnels.peer")} />)}
    </>
  );
}

function Here({ c, groups }: { c: Config; groups: string[] }) {
  return (
    <section>
      <h2>{t("tunnels.here")}</h2>
      <dl class="facts">
        <div class="whole"><dt>{t("tunnels.publicKey")}</dt><dd><Key value={c.publicKey} label={t("tunnels.publicKey.copy")} /></dd></div>
        <div><dt>{t("tunnels.addresses")}</dt><dd><bdi dir="ltr">{comma(c.addresses)}</bdi></dd></div>
        <div><dt>{t("tunnels.dns")}</dt><dd><bdi dir="ltr">{comma(c.dns)}</bdi></dd></div>
        {c.search.length > 0 && <div><dt>{t("tunnels.search.domains")}</dt><dd><bdi dir="ltr">{comma(c.search)}</bdi></dd></div>}
        <div><dt>{t("tunnels.mtu")}</dt><dd>{c.mtu || t("tunnels.mtu.auto")}</dd></div>
        {c.listenPort > 0 && <div><dt>{t("tunnels.port")}</dt><dd>{c.listenPort}</dd></div>}
        <div><dt>{t("tunnels.groups")}</dt><dd>{comma(groups)}</dd></div>
      </dl>
    </section>
  );
}

function PeerCard({ p, title }: { p: Peer; title: string }) {
  return (
    <section>
      <h2>{title}</h2>
      <dl class="facts">
        <div class="whole"><dt>{t("tunnels.publicKey")}</dt><dd><Key value={p.publicKey} label={t("tunnels.publicKey.copyOf", { title })} /></dd></div>
        <div><dt>{t("tunnels.endpoint")}</dt><dd><bdi dir="ltr">{p.endpoint || "–"}</bdi></dd></div>
        <div><dt>{t("tunnels.allowed")}</dt><dd><bdi dir="ltr">{comma(p.allowedIPs)}</bdi></dd></div>
        <div><dt>{t("tunnels.keepalive")}</dt><dd>{p.keepalive > 0 ? t("tunnels.keepalive.every", { seconds: p.keepalive }) : t("tunnels.keepalive.off")}</dd></div>
        <div><dt>{t("tunnels.psk")}</dt><dd>{t(p.presharedKey ? "tunnels.psk.yes" : "tunnels.psk.no")}</dd></div>
      </dl>
    </section>
  );
}

/** A tunnel that is not there, or whose configuration cannot be read. */
function Broken({ name, fault, unreadable }: { name: string; fault: Refusal; unreadable: boolean }) {
  if (!unreadable) return <section>{fault.code === "not_found" ? t("tunnels.gone", { name }) : fault.message || t("state.service-unreachable.what")}</section>;
  return (
    <section class="fault" data-tone="bad">
      <h2>{t("tunnels.unreadable")}</h2>
      <ol class="faults">{fault.problems.map((f, i) => <li key={i}><small class="num">{t("tunnels.line", { line: f.line })}</small> <Told fault={f} /></li>)}</ol>
      {fault.problems.length === 0 && <p>{fault.message}</p>}
      <p>{t("tunnels.unreadable.how")}</p>
    </section>
  );
}
