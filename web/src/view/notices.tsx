import { useEffect, useRef } from "preact/hooks";
import { api } from "../api";
import { ago } from "../format";
import { mayAct, now } from "../live";
import { Button } from "../part/button";
import { route } from "../route";
import { t } from "../words";
import type { Notice } from "../types";

/** What a person should know now: the gravest first, what was seen last. */
export function Notices({ list }: { list: Notice[] }) {
  const weight = { high: 0, medium: 1, low: 2 };
  const sorted = [...list].sort((a, b) => Number(a.acknowledged) - Number(b.acknowledged) || weight[a.severity] - weight[b.severity]);
  if (sorted.length === 0) return null;
  return (
    <section class="notices" aria-label={t("notice.region")}>
      {sorted.map((n) => <One key={n.id} n={n} />)}
    </section>
  );
}

function One({ n }: { n: Notice }) {
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    if (route.value.about === `${n.id}`) ref.current!.scrollIntoView({ block: "center" });
  }, [route.value.about]);
  return (
    <article ref={ref} class="notice" id={`notice-${n.id}`} data-severity={n.severity} data-code={n.code} data-seen={n.acknowledged || undefined}>
      <h2>{n.title}</h2>
      <p>{n.tunnel && n.code !== "failed_over" && <b>{n.tunnel}: </b>}{n.what}</p>
      {n.advice && <p class="advice">{n.advice}</p>}
      <footer>
        <small>{t("notice.since", { ago: ago(n.since, now.value) })}{n.evidence && <> · <span lang="en">{n.evidence}</span></>}</small>
        {!n.acknowledged && mayAct.value && <Button kind="bare" act={() => api.post(`notices/${n.id}/ack`)}>{t("notice.seen")}</Button>}
      </footer>
    </article>
  );
}
