import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../../api";
import { groups, tunnels } from "../../data";
import { millis, span } from "../../format";
import { now, overall, status } from "../../live";
import { Button } from "../../part/button";
import { to } from "../../route";
import { picture, slug, tone } from "../../state";
import { t } from "../../words";
import { Notices } from "../notices";

interface Diagnosis { cause: string | null; title: string; what: string; advice: string; evidence: string }

/** After this long without an answer, in ms, the reason is looked for. */
const patience = 2_500;

const bad = ["stalled", "blocked", "offline", "sign-in needed", "service unreachable"];

/** Connects, and shows what becomes of it. */
export function Test({ target, next, back }: { target: Signal<string>; next: () => void; back: () => void }) {
  const since = useSignal(0);
  const names = [...groups.value.map((g) => g.name), ...(tunnels.value ?? []).filter((x) => !x.problem).map((x) => x.name)];
  const chosen = names.includes(target.value) ? target.value : names[0];
  const s = status.value;
  const ours = !!s?.wish.on && s.wish.target === chosen;
  const works = ours && !!s?.active?.lastHandshake && (overall.value === "protected" || overall.value === "idle");
  const start = async () => {
    since.value = Date.now();
    await api.post(ours ? "reconnect" : "connect", ours ? {} : { target: chosen });
  };
  return (
    <>
      <section class="tell">
        <p>{t("welcome.test.what")}</p>
        <div class="actions">
          {names.length > 1 && (
            <select aria-label={t("now.target")} value={chosen} onChange={(e) => ((target.value = e.currentTarget.value), (since.value = 0))}>
              {names.map((n) => <option key={n}>{n}</option>)}
            </select>
          )}
          <Button kind={works ? undefined : "primary"} act={start}>{t(since.value ? "welcome.test.again" : "welcome.test.start", { name: chosen })}</Button>
        </div>
      </section>
      {(since.value > 0 || works) && <Verdict name={chosen} works={works} since={since.value} />}
      <div class="actions">
        <button type="button" onClick={back}>{t("welcome.back")}</button>
        <button type="button" class={works ? "primary" : undefined} onClick={next}>{t(works ? "welcome.next" : "welcome.test.skip")}</button>
      </div>
    </>
  );
}

/** How it stands, and where it does not work, why not. */
function Verdict({ name, works, since }: { name: string; works: boolean; since: number }) {
  const s = status.value, state = overall.value ?? "connecting", tunnel = s?.active?.tunnel ?? name;
  const took = useSignal(0), found = useSignal<Diagnosis | null>(null), asked = useSignal(false);
  const waited = since ? Math.max(0, now.value - since) : 0;
  const trouble = !works && (bad.includes(state) || waited > patience);
  useEffect(() => {
    if (works && since && !took.value) took.value = Math.max(100, Date.now() - since);
  }, [works, since]);
  useEffect(() => {
    took.value = 0;
    found.value = null;
    asked.value = false;
  }, [since]);
  useEffect(() => {
    if (!trouble || asked.value || state === "service unreachable") return;
    asked.value = true;
    api.post<Diagnosis>("diagnosis/run").then((d) => (found.value = d), () => (asked.value = false));
  }, [trouble, since]);
  const known = s?.notices.some((n) => n.code === found.value?.cause);
  return (
    <>
      <section class="hero" data-tone={works ? "good" : tone(state)}>
        <img src={picture(works ? "protected" : state)} alt="" width="64" height="64" />
        <div role="status">
          <h3 class="big">{works ? t("welcome.test.works", { name: tunnel }) : t("state." + slug(state))}</h3>
          <p>{works ? t("welcome.test.proof") : t(`state.${slug(state)}.what`, { tunnel })}</p>
        </div>
        <p class="num">{works && s?.active?.rttMs != null ? t("welcome.test.rtt", { rtt: millis(s.active.rttMs) }) : works && took.value ? t("welcome.test.after", { span: span(took.value) }) : ""}</p>
      </section>
      {!works && s && <Notices list={s.notices} />}
      {trouble && !found.value && <p class="line" role="status">{t("welcome.test.why")}</p>}
      {trouble && found.value?.cause && !known && (
        <section class="notices">
          <article class="notice" data-severity="high">
            <h2>{found.value.title}</h2>
            <p>{found.value.what}</p>
            <p class="advice">{found.value.advice}</p>
            <small lang="en">{found.value.evidence}</small>
          </article>
        </section>
      )}
      {trouble && tunnels.value?.some((x) => x.name === tunnel) && <p><a href={to("tunnels", tunnel, "edit")}>{t("welcome.test.mend", { name: tunnel })}</a></p>}
    </>
  );
}
