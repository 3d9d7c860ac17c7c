import { useEffect, useRef } from "preact/hooks";
import { tunnels } from "../../data";
import { now } from "../../live";
import { Button } from "../../part/button";
import { t } from "../../words";
import { Choice } from "./choice";
import { byDay, groups, type Kinds } from "./days";
import { Entry } from "./entry";
import { saveJSON, saveTable } from "./export";
import { filter, keepList, listed, more, older, picked, reading, takeIn, unread, waiting } from "./journal";
import { Failed } from "./failed";
import { between, dayWords } from "./when";

/** The events, the newest first. */
export function Events() {
  useEffect(keepList, []);
  return (
    <section class="card events" aria-label={t("history.events")}>
      <header>
        <h2>{t("history.events")}</h2>
        <div class="actions"><Button kind="bare" act={saveTable}>{t("history.csv")}</Button><Button kind="bare" act={saveJSON}>{t("history.json")}</Button></div>
      </header>
      <Filters />
      {unread.value ? <Failed err={unread.value} /> : null}
      <List />
      {more.value && <Button act={() => older()}>{t("history.older")}</Button>}
    </section>
  );
}

let typing = 0;

function Filters() {
  const f = filter.value, p = picked.value;
  const type = (text: string) => {
    clearTimeout(typing);
    typing = setTimeout(() => (filter.value = { ...filter.value, text }), 250);
  };
  return (
    <div class="filters">
      <Choice name="kinds" label={t("history.kinds")} all={Object.keys(groups) as Kinds[]} now={f.kinds} word={(k) => t("history.kinds." + k)} choose={(kinds) => (filter.value = { ...f, kinds })} />
      <select aria-label={t("now.member")} value={f.tunnel} onChange={(e) => (filter.value = { ...f, tunnel: e.currentTarget.value })}>
        <option value="">{t("history.anyTunnel")}</option>
        {(tunnels.value ?? []).map((x) => <option key={x.name}>{x.name}</option>)}
      </select>
      <input type="search" aria-label={t("history.search")} placeholder={t("history.search")} value={f.text} onInput={(e) => type(e.currentTarget.value)} />
      {p && <button type="button" onClick={() => (picked.value = null)}>{between(p.since, p.until)} ✕<span class="hidden">{t("history.unpick")}</span></button>}
    </div>
  );
}

/** Whether somebody is at it: then nothing may move. */
function isRead(box: HTMLElement): boolean {
  return box.matches(":hover") || box.contains(document.activeElement) || box.getBoundingClientRect().top < 0 || !!box.querySelector("details[open]");
}

function List() {
  const box = useRef<HTMLDivElement>(null), events = listed.value, fresh = waiting.value.length;
  useEffect(() => {
    if (fresh && !isRead(box.current!)) takeIn();
  }, [fresh]);
  return (
    <div ref={box} aria-busy={reading.value}>
      {fresh > 0 && <p class="fresh"><button type="button" class="primary" onClick={takeIn}>{t("history.fresh", { count: fresh })}</button></p>}
      {events?.length === 0 && <Nothing />}
      {byDay(events ?? []).map((day) => (
        <section key={day.at} class="day">
          <h3>{dayWords(new Date(day.at), now.value)}</h3>
          <ol>{day.events.map((e) => <Entry key={e.id} e={e} />)}</ol>
        </section>
      ))}
    </div>
  );
}

function Nothing() {
  const { kinds, tunnel, text } = filter.value;
  if (kinds === "all" && !tunnel && !text && !picked.value) return <p>{t("history.nothing")}</p>;
  const clear = () => {
    filter.value = { kinds: "all", tunnel: "", text: "" };
    picked.value = null;
  };
  return <p>{t("history.noMatch")} <button type="button" class="bare" onClick={clear}>{t("history.clear")}</button></p>;
}
