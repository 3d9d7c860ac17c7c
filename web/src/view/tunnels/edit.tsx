import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, part, Refusal } from "../../api";
import { reload } from "../../data";
import { Button } from "../../part/button";
import { confirm } from "../../part/dialog";
import { attempt, say } from "../../part/toast";
import { beforeLeaving, go, to } from "../../route";
import { t } from "../../words";
import { Code } from "./code";
import { carries, Scripts, Told, Warnings } from "./config";
import { draft, newKey } from "./draft";
import { Back } from "./head";
import { whyNot } from "./name";
import type { Check, Fault, Tunnel } from "./types";
import { inUse } from "./use";

const settleMs = 300;

/** What a new tunnel begins with: all that most of them need. */
const template = () => `[Interface]
PrivateKey = (new)
Address = # ${t("tunnels.template.address")}
DNS = # ${t("tunnels.template.dns")}

[Peer]
PublicKey = # ${t("tunnels.template.key")}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = # ${t("tunnels.template.endpoint")}
PersistentKeepalive = 25
`;

/** The editor of a tunnel's configuration; of a new one where name is "". */
export function Edit({ name }: { name: string }) {
  const given = useRef(draft.peek());
  const text = useSignal<string | null>(name ? null : given.current?.text ?? template());
  const called = useSignal(name || given.current?.name || "");
  const before = useRef(name || given.current ? "" : text.peek()!);
  const found = useSignal<Check | null>(null), fault = useSignal<Refusal | null>(null);
  const area = useRef<HTMLTextAreaElement>(null), release = useRef(() => {}), tried = useSignal(false);
  const dirty = text.value !== null && text.value !== before.current;

  useEffect(() => {
    draft.value = null;
    if (name) void load();
  }, []);
  const load = () =>
    api.get<{ text: string }>(`tunnels/${part(name)}/text`).then((x) => (text.value = before.current = x.text), (err) => (fault.value = err as Refusal));

  useEffect(() => {
    if (!dirty) return;
    release.current = beforeLeaving(() => confirm(t("tunnels.edit.leave"), t("tunnels.edit.leave.what"), t("tunnels.edit.leave.yes"), true));
    return release.current;
  }, [dirty]);

  useEffect(() => {
    if (text.value === null) return;
    let current = true;
    const timer = setTimeout(async () => {
      const body = { text: text.value!, ...(name && { name }) };
      const result = await api.post<Check>("tunnels/check", body).catch((err) => ((fault.value = err as Refusal), null));
      if (current && result) [found.value, fault.value] = [result, null];
    }, settleMs);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text.value]);

  if (text.value === null) return <><Back /><h1>{name}</h1>{fault.value && <p class="line">{fault.value.message || t("state.service-unreachable.what")}</p>}</>;
  // A new tunnel is not wrong before anything was written.
  const problems = dirty || tried.value ? found.value?.problems ?? [] : [];
  const wrongName = name || called.value === "" ? "" : whyNot(called.value);

  const jump = (line: number) => {
    const lines = text.value!.split("\n").slice(0, line), end = lines.join("\n").length;
    area.current!.focus();
    area.current!.setSelectionRange(end - (lines.at(-1)?.length ?? 0), end);
    document.querySelector(`.editor pre > :nth-child(${line})`)?.scrollIntoView({ block: "center" });
  };
  const freshKey = () => {
    const is = /^([ \t]*PrivateKey[ \t]*=).*$/im;
    text.value = is.test(text.value!) ? text.value!.replace(is, "$1 (new)") : text.value!.replace(/^([ \t]*\[Interface\].*)$/im, "$1\nPrivateKey = (new)");
  };
  const save = async () => {
    if (!name && (called.value === "" || wrongName)) return document.getElementById("tunnel-name")!.focus();
    const made = /^\s*PrivateKey\s*=\s*\(new\)/im.test(text.value!);
    try {
      if (name) await api.put<Tunnel>("tunnels/" + part(name), { text: text.value });
      else await api.post<Tunnel>("tunnels", { name: called.value, text: text.value, overwrite: false });
    } catch (err) {
      if (!(err instanceof Refusal && err.problems.length > 0)) throw err;
      found.value = { valid: false, problems: err.problems as Fault[], config: null };
      tried.value = true;
      return document.getElementById("problems")!.focus();
    }
    release.current();
    if (made) newKey.value = called.value;
    await reload().catch(() => {});
    say(t("tunnels.saved", { name: called.value }));
    go("tunnels", called.value);
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key !== "s" || !(e.ctrlKey || e.metaKey)) return;
    e.preventDefault();
    void attempt(save);
  };
  return (
    <>
      <Back />
      <h1>{name ? t("tunnels.edit.title", { name }) : t("tunnels.new")}</h1>
      {name && inUse(name) && <p class="line">{t("tunnels.edit.inUse", { name })}</p>}
      <section class="edit" onKeyDown={keys}>
        {!name && (
          <div>
            <label class="naming">{t("tunnels.name")}
              <input id="tunnel-name" value={called} size={15} maxLength={15} dir="ltr" required autocomplete="off" spellcheck={false} aria-invalid={wrongName !== "" || undefined} aria-describedby="tunnel-name-why" onInput={(e) => (called.value = e.currentTarget.value)} />
            </label>
            <div id="tunnel-name-why" role="status">{wrongName && <p data-tone="bad">{wrongName}</p>}</div>
          </div>
        )}
        <Code text={text.value} change={(x) => (text.value = x)} bad={new Set(problems.map((p) => p.line))} area={area} label={t("tunnels.edit.text")} about="problems" />
        <div id="problems" tabIndex={-1} role="status">
          {problems.length > 0 && (
            <>
              <h2>{t("tunnels.problems", { count: problems.length })}</h2>
              <ol class="faults">{problems.map((p, i) => <li key={i}><button type="button" class="bare num" onClick={() => jump(p.line)}>{t("tunnels.line", { line: p.line })}</button> <Told fault={p} /></li>)}</ol>
            </>
          )}
          {problems.length === 0 && fault.value && <p class="fault" data-tone="bad">{fault.value.message || t("state.service-unreachable.what")}{fault.value.hint && <small>{fault.value.hint}</small>}</p>}
          {found.value?.config && <p class="verdict" data-tone="good">{carries(found.value.config)}</p>}
        </div>
        {found.value?.config && <><Warnings list={found.value.config.warnings} /><Scripts list={found.value.config.scripts} /></>}
        <p><small>{t("tunnels.edit.kept")} {text.value.includes("#") && t("tunnels.edit.comments")}</small></p>
        <div class="actions">
          <Button kind="primary" act={save} disabled={!dirty && !!name}>{t("tunnels.save")}</Button>
          <Button act={freshKey}>{t("tunnels.key.new")}</Button>
          <a class="button" href={name ? to("tunnels", name) : to("tunnels")}>{t("dialog.cancel")}</a>
        </div>
      </section>
    </>
  );
}
