import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../../api";
import { groups, reload, tunnels } from "../../data";
import { Button } from "../../part/button";
import { go, to } from "../../route";
import { t } from "../../words";
import { clear, conflict, incoming, paste, progress, save, take } from "./incoming";
import { Candidate } from "./candidate";
import { Back } from "./head";
import { say } from "../../part/toast";
import { suggest } from "./text";

/** Brings in tunnels: by picking, dropping or pasting, each looked at before it is saved. */
export function Import() {
  // What was saved has been told; who comes back begins anew.
  useEffect(() => () => (incoming.value = incoming.value.filter((x) => x.state !== "saved")), []);
  return (
    <>
      <Back />
      <h1>{t("tunnels.import.title")}</h1>
      <Intake />
      <Candidates />
    </>
  );
}

/** Where files and texts are handed in. */
export function Intake() {
  const picker = useRef<HTMLInputElement>(null), pasted = useSignal(""), open = useSignal(false);
  const pick = (e: { currentTarget: HTMLInputElement }) => {
    void take([...e.currentTarget.files!]);
    e.currentTarget.value = "";
  };
  const look = (e: Event) => {
    e.preventDefault();
    paste(pasted.value);
    pasted.value = "";
    open.value = false;
  };
  return (
    <section class="intake">
      <p>{t("tunnels.import.how")}</p>
      <div class="actions">
        <input ref={picker} type="file" multiple accept=".conf,.zip,.txt" hidden onChange={pick} aria-label={t("tunnels.import.pick")} />
        <button type="button" class="primary" onClick={() => picker.current!.click()}>{t("tunnels.import.pick")}</button>
        <button type="button" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>{t("tunnels.import.paste")}</button>
      </div>
      {open.value && (
        <form onSubmit={look}>
          <label>{t("tunnels.import.text")}
            <textarea class="code" dir="ltr" rows={8} spellcheck={false} autocomplete="off" value={pasted} onInput={(e) => (pasted.value = e.currentTarget.value)} />
          </label>
          <button disabled={pasted.value.trim() === ""}>{t("tunnels.import.look")}</button>
        </form>
      )}
      <small>{t("tunnels.import.limits")}</small>
    </section>
  );
}

/** What was handed in, and what became of it. */
export function Candidates({ then }: { then?: (saved: string[]) => void }) {
  const list = incoming.value, at = progress.value;
  const told = useSignal("");
  if (list.length === 0) return null;
  const chosen = list.filter((x) => x.chosen && x.state === "ready"), able = chosen.filter((x) => conflict(x) === "");
  const saved = list.filter((x) => x.state === "saved").map((x) => x.name);
  const ready = list.filter((x) => x.state === "ready").length;
  const keep = async () => {
    const names = await save();
    const left = chosen.length - names.length;
    told.value = t("tunnels.import.saved", { count: names.length }) + (left > 0 ? " " + t("tunnels.import.left", { count: left }) : "");
    if (names.length > 0) then?.(names);
  };
  return (
    <>
      <section class="bar" aria-label={t("tunnels.import.found")}>
        <p role="status">{at ? t("tunnels.import.progress", { done: at.done + 1, of: at.of }) : told.value || t("tunnels.import.count", { count: list.length, ready: list.filter((x) => x.state === "ready" && conflict(x) === "").length })}</p>
        {at && <progress value={at.done} max={at.of} aria-label={t("tunnels.import.found")} />}
        <div class="actions">
          {ready > 0 && <Button kind="primary" act={keep} disabled={able.length === 0}>{able.length > 0 ? t("tunnels.import.save", { count: able.length }) : t("tunnels.save")}</Button>}
          {saved.length > 1 && <Together names={saved} />}
          {saved.length > 0 && ready === 0 && !then && <a class="button" href={saved.length === 1 ? to("tunnels", saved[0]) : to("tunnels")}>{saved.length === 1 ? t("tunnels.import.see", { name: saved[0] }) : t("tunnels.import.seeAll")}</a>}
          <button type="button" onClick={clear}>{t(ready > 0 ? "tunnels.import.clear" : "tunnels.import.tidy")}</button>
        </div>
      </section>
      {list.map((x) => <Candidate key={x.id} x={x} open={list.length < 4} />)}
    </>
  );
}

/** Makes a group of what was saved together, so that one can stand in for another. */
function Together({ names }: { names: string[] }) {
  if (groups.value.some((g) => names.every((n) => g.members.includes(n)))) return null;
  const make = async () => {
    const name = suggest(t("tunnels.group.first"), [...groups.value.map((g) => g.name), ...tunnels.value!.map((x) => x.name)]);
    await api.put("groups/" + name, { members: names });
    await reload();
    say(t("tunnels.group.made", { name }));
    if (location.hash.endsWith("/import")) go("tunnels");
  };
  return <Button act={make}>{t("tunnels.import.together", { count: names.length })}</Button>;
}
