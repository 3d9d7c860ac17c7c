import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../../api";
import { about, overall } from "../../live";
import { slug, tone } from "../../state";
import { t } from "../../words";
import type { Version } from "../../types";

const states = ["protected", "idle", "connecting", "checking", "switching", "stalled", "blocked", "offline", "sign-in needed", "off", "service unreachable"];

/** What each state means, with its picture; the one of this moment is marked. */
export function States() {
  return (
    <section id="states">
      <h2>{t("help.states")}</h2>
      <p class="lead">{t("help.states.what")}</p>
      <ul class="cards">
        {states.map((s) => (
          <li key={s} data-tone={tone(s)} aria-current={s === overall.value || undefined}>
            <img src={`/assets/${slug(s)}.svg`} alt="" width="28" height="28" />
            <div><b>{t("state." + slug(s))}</b><p class="small">{t("help.state." + slug(s))}</p></div>
          </li>
        ))}
      </ul>
    </section>
  );
}

const commands = ["holdfast status --watch", "holdfast doctor", "holdfast diagnose", "holdfast logs --follow", "holdfast --help"];

/** The same in a terminal. */
export function Commands() {
  return (
    <section id="commands">
      <h2>{t("help.commands")}</h2>
      <p class="lead">{t("help.commands.what")}</p>
      <table>
        <tbody>{commands.map((c, i) => <tr key={c}><th scope="row"><code dir="ltr">{c}</code></th><td>{t("help.command." + i)}</td></tr>)}</tbody>
      </table>
    </section>
  );
}

/** Which programs these are, and what they are open to. */
export function About() {
  const service = useSignal<Version | null>(null), page = about.value!;
  useEffect(() => void api.get<Version>("version").then((v) => (service.value = v), () => {}), []);
  const rows = {
    service: service.value ? words(service.value) : "–",
    page: words(page),
    user: page.user,
    address: t("help.about.local", { address: location.host }),
    licence: t("help.about.mit"),
  };
  return (
    <section id="about">
      <h2>{t("help.about")}</h2>
      <p class="lead">{t("help.about.what")}</p>
      <table>
        <tbody>{Object.entries(rows).map(([k, v]) => <tr key={k}><th scope="row">{t("help.about." + k)}</th><td><bdi>{v}</bdi></td></tr>)}</tbody>
      </table>
    </section>
  );
}

const words = (v: { version: string; commit: string; os: string; arch: string }) => [v.version, v.commit.slice(0, 12), `${v.os}/${v.arch}`].filter(Boolean).join(" · ");
