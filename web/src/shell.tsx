import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { about, link, overall } from "./live";
import { route, to, views, type View } from "./route";
import { Icon } from "./part/icon";
import { Questions } from "./part/dialog";
import { Toasts } from "./part/toast";
import { sheet } from "./sheet";
import { picture, slug, tone } from "./state";
import { t } from "./words";
import { Now } from "./view/now";

type Room = () => JSX.Element | null;

/** The views that are loaded when they are first shown. */
const rooms: Record<Exclude<View, "now">, () => Promise<Room>> = {
  history: async () => (await import("./view/history")).History,
  tunnels: async () => (await import("./view/tunnels")).Tunnels,
  settings: async () => (await import("./view/settings")).Settings,
  help: async () => (await import("./view/help")).Help,
};

/** The view that is shown. The one before stays until the next is there. */
const room = signal<{ view: View; Room: Room }>({ view: "now", Room: Now });

effect(() => {
  const { view } = route.value;
  if (view === "now") room.value = { view, Room: Now };
  else void Promise.all([rooms[view](), sheet(view === "help" ? "settings" : view)]).then(([Room]) => route.peek().view === view && (room.value = { view, Room }));
});

/** The whole page: the way around, what is wrong with the page itself, and one view. */
export function Shell() {
  const { view, Room } = room.value;
  const state = overall.value, word = state ? t("state." + slug(state)) : "";
  useEffect(() => {
    document.title = word ? `${word} – Holdfast` : "Holdfast";
    document.querySelector<HTMLLinkElement>("#favicon")!.href = picture(state);
  }, [word]);
  const first = useRef(true);
  useEffect(() => {
    // A new view begins at its top, also for those who hear the page.
    if (!first.current) document.getElementById("view")!.focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [view]);
  return (
    <>
      <a class="skip" href="#view" onClick={(e) => (e.preventDefault(), document.getElementById("view")!.focus())}>{t("shell.skip")}</a>
      <nav aria-label={t("shell.nav")} data-tone={tone(state)}>
        <a class="brand" href={to("now")}><img src={picture(state)} alt="" width="28" height="28" /><b>Holdfast</b></a>
        <ul>
          {views.map((v) => (
            <li key={v}>
              <a href={to(v)} aria-current={v === view ? "page" : undefined}><Icon name={v} /><span>{t("nav." + v)}</span></a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="view" data-view={view} tabIndex={-1} data-stale={link.value !== "live" || undefined}>
        <Lines />
        <Room key={view} />
      </main>
      <p class="hidden" role="status">{word}</p>
      <Toasts />
      <Questions />
    </>
  );
}

/** What is true of the page itself: that its numbers are old, or that it may only look. */
function Lines() {
  return (
    <>
      {link.value === "reconnecting" && <p class="line">{t("shell.reconnecting")}</p>}
      {about.value?.readOnly && <p class="line">{t("shell.readonly")}</p>}
    </>
  );
}

