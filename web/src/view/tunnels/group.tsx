import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, part } from "../../api";
import { groups, reload, tunnels } from "../../data";
import { mayAct, status } from "../../live";
import { Button } from "../../part/button";
import { confirm } from "../../part/dialog";
import { Icon } from "../../part/icon";
import { sign } from "../../part/sign";
import { attempt, say } from "../../part/toast";
import { go, to } from "../../route";
import { t } from "../../words";
import type { Group } from "../../types";
import { AskName } from "./name";
import { useDrag } from "./order";
import { isWished } from "./use";

/** How long an order is left alone before it is sent: several moves are one change. */
const settleMs = 700;

const put = (name: string, members: string[]) => api.put("groups/" + part(name), { members });

/** One group: its members in order, which can be changed where the person may. */
export function GroupCard({ g }: { g: Group }) {
  const order = useSignal<string[] | null>(null), told = useSignal("");
  const timer = useRef(0), list = useRef<HTMLOListElement>(null), focus = useRef("");
  const members = order.value ?? g.members;
  // What was changed and not yet sent is sent when the person goes elsewhere.
  const send = async () => {
    clearTimeout(timer.current);
    timer.current = 0;
    const wanted = order.peek();
    if (wanted) await attempt(async () => (await put(g.name, wanted), await reload()));
    order.value = null;
  };
  useEffect(() => () => void (timer.current && send()), []);
  useEffect(() => {
    // A row that was moved in the document has lost the focus.
    if (focus.current) list.current!.querySelector<HTMLElement>(focus.current)?.focus();
    focus.current = "";
  });
  const move = (from: number, at: number, by?: "up" | "down") => {
    if (at < 0 || at >= members.length || at === from) return;
    const name = members[from], next = members.filter((_, i) => i !== from);
    next.splice(at, 0, name);
    order.value = next;
    told.value = t("tunnels.order.told", { name, place: at + 1, of: next.length });
    if (by) focus.current = `[data-name="${CSS.escape(name)}"] [data-move="${by}"]`;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => void send(), settleMs);
  };
  const change = async (next: string[], what: string) => {
    await send();
    const before = groups.value.find((x) => x.name === g.name)!.members;
    await put(g.name, next);
    await reload();
    say(what, async () => (await put(g.name, before), await reload()));
  };
  const leave = (name: string) => change(members.filter((m) => m !== name), t("tunnels.group.left", { name, group: g.name }));
  const drag = useDrag(list, move);
  const others = (tunnels.value ?? []).filter((x) => !members.includes(x.name) && !x.problem);
  return (
    <article class="group" aria-label={g.name}>
      <header class="head">
        <h3>{g.name}{isWished(g.name) && <small>{t("tunnels.wished")}</small>}</h3>
        {mayAct.value && <GroupActions g={g} />}
      </header>
      <ol class="members rows" ref={list}>
        {members.map((m, i) => (
          <li key={m} data-name={m} data-active={status.value?.active?.tunnel === m || undefined} data-held={drag.held(i)} style={drag.style(i)}>
            {mayAct.value && members.length > 1 && <span class="grip" aria-hidden="true" onPointerDown={(e) => drag.start(e, i)}><Icon path={sign.drag} /></span>}
            <a href={to("tunnels", m)}><b>{m}</b></a>
            <span>{t(i === 0 ? "role.primary" : "role.fallback")}</span>
            {mayAct.value && (
              <span class="tools">
                {members.length > 1 && <Tool label={t("tunnels.order.up", { name: m })} move="up" off={i === 0} act={() => move(i, i - 1, "up")} />}
                {members.length > 1 && <Tool label={t("tunnels.order.down", { name: m })} move="down" off={i === members.length - 1} act={() => move(i, i + 1, "down")} />}
                {members.length > 1 && <Button kind="bare" label={t("tunnels.group.leave", { name: m, group: g.name })} act={() => leave(m)}><Icon name="close" /></Button>}
              </span>
            )}
          </li>
        ))}
      </ol>
      {mayAct.value && others.length > 0 && (
        <select aria-label={t("tunnels.group.add", { group: g.name })} value="" onChange={(e) => {
          const name = e.currentTarget.value;
          e.currentTarget.value = "";
          void attempt(() => change([...members, name], t("tunnels.group.joined", { name, group: g.name })));
        }}>
          <option value="" disabled>{t("tunnels.group.addHere")}</option>
          {others.map((x) => <option key={x.name}>{x.name}</option>)}
        </select>
      )}
      <p class="hidden" role="status">{told}</p>
    </article>
  );
}

/** A button that moves a row; at the end of the list it keeps the focus and does nothing. */
function Tool({ label, move, off, act }: { label: string; move: "up" | "down"; off: boolean; act: () => void }) {
  return <button type="button" class="bare" data-move={move} aria-label={label} aria-disabled={off || undefined} onClick={act}><Icon path={sign[move]} /></button>;
}

function GroupActions({ g }: { g: Group }) {
  const naming = useSignal(false);
  const rename = async (name: string) => {
    // The new one is there before the old one goes: interrupted, both are.
    await put(name, g.members);
    await api.remove("groups/" + part(g.name));
    await reload();
  };
  const busy = async (title: string) => {
    if (!isWished(g.name)) return false;
    if (await confirm(title, t("tunnels.group.busy", { name: g.name }), t("now.disconnect"))) await api.post("disconnect");
    return true;
  };
  const remove = async () => {
    if (await busy(t("tunnels.group.delete", { name: g.name }))) return;
    await api.remove("groups/" + part(g.name));
    await reload();
    say(t("tunnels.group.deleted", { name: g.name }), async () => (await put(g.name, g.members), await reload()));
  };
  return (
    <div class="actions">
      {!isWished(g.name) && <Button kind="bare" act={() => api.post("connect", { target: g.name }).then(() => go("now"))} label={t("tunnels.connectTo", { name: g.name })}>{t("now.connect")}</Button>}
      <Button kind="bare" act={async () => (await busy(t("tunnels.rename.title", { name: g.name }))) || (naming.value = true)} label={t("tunnels.rename.title", { name: g.name })}>{t("tunnels.rename")}</Button>
      <Button kind="bare" act={remove} label={t("tunnels.group.delete", { name: g.name })}>{t("tunnels.delete")}</Button>
      {naming.value && <AskName title={t("tunnels.rename.title", { name: g.name })} from={g.name} yes={t("tunnels.rename")} act={rename} close={() => (naming.value = false)} />}
    </div>
  );
}

const picking = signal(false);

/** Makes a group of tunnels that the person ticks. */
export function NewGroup() {
  return (
    <>
      <button type="button" onClick={() => (picking.value = true)}>{t("tunnels.group.new")}</button>
      {picking.value && <Pick close={() => (picking.value = false)} />}
    </>
  );
}

function Pick({ close }: { close: () => void }) {
  const ticked = useSignal<string[]>([]);
  const able = (tunnels.value ?? []).filter((x) => !x.problem);
  const tick = (name: string, on: boolean) => (ticked.value = on ? [...ticked.value, name] : ticked.value.filter((x) => x !== name));
  const make = async (name: string) => {
    await put(name, ticked.value);
    await reload();
    say(t("tunnels.group.made", { name }));
  };
  return (
    <AskName title={t("tunnels.group.new")} from="" yes={t("tunnels.group.make")} act={make} close={close} ready={ticked.value.length > 0}>
      <fieldset>
        <legend>{t("tunnels.group.members")}</legend>
        <ul class="ticks">
          {able.map((x) => {
            const place = ticked.value.indexOf(x.name) + 1;
            return <li key={x.name}><label><input type="checkbox" checked={place > 0} onChange={(e) => tick(x.name, e.currentTarget.checked)} /><b>{x.name}</b>{place > 0 && <small class="num">{t("tunnels.group.place", { place })}</small>}</label></li>;
          })}
        </ul>
      </fieldset>
    </AskName>
  );
}
