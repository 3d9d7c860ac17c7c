import { groups, tunnels } from "../../data";
import { go, to } from "../../route";
import { t } from "../../words";
import { carries, comma, Scripts, Told, Warnings } from "./config";
import { draft } from "./draft";
import { change, conflict, drop, taken, type Incoming } from "./incoming";
import { nameFault, plain, same, suggest } from "./text";
import { Icon } from "../../part/icon";

/** One configuration before it is saved: what it would do, or why it is refused. */
export function Candidate({ x, open }: { x: Incoming; open: boolean }) {
  const from = x.from || t("tunnels.import.pasted");
  const bad = x.state === "refused";
  return (
    <article class="card candidate" data-tone={bad ? "bad" : x.state === "saved" ? "good" : undefined} aria-label={from}>
      <header>
        {x.state === "ready" && <input type="checkbox" checked={x.chosen} aria-label={t("tunnels.import.choose", { name: x.name })} onChange={(e) => change(x.id, { chosen: e.currentTarget.checked })} />}
        <h2><bdi>{bad ? t("tunnels.import.refused", { from }) : x.state === "saved" ? t("tunnels.import.isSaved", { name: x.name }) : from}</bdi></h2>
        {x.state === "ready" && <Naming x={x} />}
        {x.state === "saved" && <a href={to("tunnels", x.name)}>{t("tunnels.import.see", { name: x.name })}</a>}
        {x.state !== "saving" && <button type="button" class="bare" aria-label={t("tunnels.import.drop", { from })} onClick={() => drop(x.id)}><Icon name="close" /></button>}
      </header>
      {(x.state === "waiting" || x.state === "saving") && <p>{t("tunnels.import." + x.state)}</p>}
      {x.fault && <p class="fault" data-tone="bad">{x.fault}{x.hint && <small>{x.hint}</small>}</p>}
      {bad && x.check && <Faults x={x} />}
      {x.state === "ready" && <Clash x={x} />}
      {x.check?.config && x.state !== "saved" && <Preview x={x} open={open} />}
    </article>
  );
}

/** The name it will have. */
function Naming({ x }: { x: Incoming }) {
  return (
    <label class="naming">{t("tunnels.name")}
      <input value={x.name} size={15} maxLength={15} dir="ltr" autocomplete="off" spellcheck={false} aria-invalid={conflict(x) !== "" || undefined} aria-describedby={`clash-${x.id}`}
        onInput={(e) => change(x.id, { name: e.currentTarget.value, replace: false })} />
    </label>
  );
}

/** Why it cannot have that name, and what can be done. */
function Clash({ x }: { x: Incoming }) {
  const wrong = conflict(x), exists = tunnels.value?.find((o) => same(o.name, x.name));
  return (
    <div class="clash" id={`clash-${x.id}`} role="status">
      {wrong && <p data-tone={wrong === "tunnel" ? "warn" : "bad"}>{wrong === "shape" ? t(nameFault(x.name)) : t("tunnels.name." + wrong, { name: x.name })}</p>}
      {x.replace && exists && <p data-tone="warn">{t(exists.active ? "tunnels.import.replacesActive" : "tunnels.import.replaces", { name: exists.name })}</p>}
      {(wrong === "tunnel" || wrong === "group" || wrong === "twice") && (
        <div class="actions">
          {wrong === "tunnel" && <button type="button" onClick={() => change(x.id, { replace: true, name: exists!.name })}>{t("tunnels.import.replace", { name: exists!.name })}</button>}
          <Other x={x} />
        </div>
      )}
    </div>
  );
}

function Other({ x }: { x: Incoming }) {
  const free = suggest(x.name, taken(x.id));
  return <button type="button" onClick={() => change(x.id, { name: free })}>{t("tunnels.import.other", { name: free })}</button>;
}

function Preview({ x, open }: { x: Incoming; open: boolean }) {
  const c = x.check!.config!;
  return (
    <details open={open}>
      <summary>{carries(c)}</summary>
      <dl class="facts">
        <div><dt>{t("tunnels.routes")}</dt><dd><bdi dir="ltr">{comma(c.routes)}</bdi></dd></div>
        <div><dt>{t("tunnels.server")}</dt><dd><bdi dir="ltr">{comma(c.peers.map((p) => p.endpoint).filter(Boolean))}</bdi></dd></div>
        <div><dt>{t("tunnels.addresses")}</dt><dd><bdi dir="ltr">{comma(c.addresses)}</bdi></dd></div>
        <div><dt>{t("tunnels.dns")}</dt><dd><bdi dir="ltr">{comma([...c.dns, ...c.search])}</bdi></dd></div>
      </dl>
      <Warnings list={c.warnings} />
      <Scripts list={c.scripts} />
    </details>
  );
}

/** What is wrong, at the lines where it is, and the way to mend it. */
function Faults({ x }: { x: Incoming }) {
  const lines = x.text.split(/\r?\n/), shown = x.check!.problems.slice(0, 12), more = x.check!.problems.length - shown.length;
  const mend = () => {
    draft.value = { text: x.text, name: suggest(x.from, [...(tunnels.value ?? []).map((o) => o.name), ...groups.value.map((g) => g.name)]) };
    go("tunnels", "", "new");
  };
  return (
    <>
      <ol class="faults">
        {shown.map((f, i) => (
          <li key={i}>
            <small class="num">{t("tunnels.line", { line: f.line })}</small> <Told fault={f} />
            {lines[f.line - 1]?.trim() && <code><bdi dir="ltr">{glimpse(lines[f.line - 1])}</bdi></code>}
          </li>
        ))}
      </ol>
      {more > 0 && <p>{t("tunnels.more", { count: more })}</p>}
      <div class="actions"><button type="button" onClick={mend}>{t("tunnels.import.mend")}</button></div>
    </>
  );
}

/** A line to recognise it by, without what may be a key. */
const glimpse = (line: string) => plain(line.trim().replace(/[A-Za-z0-9+/]{20,}={0,2}/g, "…")).slice(0, 80);
