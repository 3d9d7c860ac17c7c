import { useSignal } from "@preact/signals";
import { groups, tunnels } from "../../data";
import { mayAct, status } from "../../live";
import { to } from "../../route";
import { t } from "../../words";
import { Notices } from "../notices";
import type { TunnelSummary } from "../../types";
import { GroupCard, NewGroup } from "./group";

const searchFrom = 11;

/** Every group with its members, and every tunnel. */
export function List() {
  const all = tunnels.value;
  return (
    <>
      <header class="head">
        <h1>{t("tunnels.title")}</h1>
        {mayAct.value && (
          <div class="actions">
            <a class="button primary" href={to("tunnels", "", "import")}>{t("tunnels.import")}</a>
            <a class="button" href={to("tunnels", "", "new")}>{t("tunnels.new")}</a>
          </div>
        )}
      </header>
      {status.value && <Notices list={status.value.notices.filter((n) => n.code === "config_unreadable")} />}
      {!all ? <p>{t("tunnels.loading")}</p> : all.length === 0 ? <Empty /> : <><Groups /><All list={all} /></>}
    </>
  );
}

function Empty() {
  return (
    <section class="tell">
      <h2>{t("tunnels.empty")}</h2>
      <p>{t(mayAct.value ? "tunnels.empty.how" : "tunnels.empty.none")}</p>
    </section>
  );
}

function Groups() {
  const list = groups.value;
  return (
    <section>
      <header class="head">
        <h2>{t("tunnels.groups")}</h2>
        {mayAct.value && <NewGroup />}
      </header>
      <p class="why">{t("tunnels.groups.why")}</p>
      {list.map((g) => <GroupCard key={g.name} g={g} />)}
    </section>
  );
}

function All({ list }: { list: TunnelSummary[] }) {
  const wanted = useSignal("");
  const word = wanted.value.trim().toLowerCase();
  const shown = list.filter((x) => [x.name, x.endpoint, ...x.groups].some((s) => s.toLowerCase().includes(word)));
  return (
    <section>
      <header class="head">
        <h2>{t("tunnels.all", { count: list.length })}</h2>
        {list.length >= searchFrom && <input type="search" placeholder={t("tunnels.search")} aria-label={t("tunnels.search")} value={wanted} onInput={(e) => (wanted.value = e.currentTarget.value)} />}
      </header>
      <ul class="members rows">{shown.map((x) => <Row key={x.name} x={x} />)}</ul>
      <p role="status">{word && (shown.length === 0 ? t("tunnels.search.none", { word: wanted.value }) : t("tunnels.search.found", { count: shown.length }))}</p>
    </section>
  );
}

function Row({ x }: { x: TunnelSummary }) {
  const active = status.value?.active?.tunnel === x.name;
  return (
    <li data-active={active || undefined} data-tone={x.problem ? "bad" : undefined}>
      <a href={to("tunnels", x.name)}><b>{x.name}</b>{active && <small>{t("tunnels.active")}</small>}</a>
      {x.problem
        ? <span class="fault">{t("tunnels.unreadable")}</span>
        : <><span class="wide"><bdi dir="ltr">{x.endpoint || t("tunnels.noEndpoint")}</bdi></span><span>{t(x.full ? "tunnels.full" : "tunnels.split")}</span></>}
      <span>{x.groups.length > 0 && t("tunnels.in", { groups: x.groups.join(", ") })}</span>
    </li>
  );
}
