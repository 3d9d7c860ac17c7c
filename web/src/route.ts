import { signal } from "@preact/signals";

export const views = ["now", "history", "tunnels", "settings", "help"] as const;
export type View = (typeof views)[number];

export interface Route {
  view: View;
  /** What the view is about, as the name of a tunnel; "": nothing in particular. */
  about: string;
  /** What is done with it, as "edit"; "": it is looked at. */
  act: string;
}

function read(): Route {
  const [view, about = "", act = ""] = location.hash.replace(/^#\//, "").split("/");
  try {
    return { view: (views as readonly string[]).includes(view) ? (view as View) : "now", about: decodeURIComponent(about), act };
  } catch {
    return { view: "now", about: "", act: "" };
  }
}

export const route = signal<Route>(read());

let here = location.hash;
let ask: (() => Promise<boolean>) | null = null;

addEventListener("hashchange", () => void arrive());

async function arrive() {
  const there = location.hash;
  if (ask && there !== here) {
    history.replaceState(null, "", here || location.pathname);
    if (!(await ask())) return;
    ask = null;
    history.replaceState(null, "", there);
  }
  here = there;
  route.value = read();
}

/** Has a question asked before the person leaves this address, until what it returns is called. False keeps them here. */
export function beforeLeaving(question: () => Promise<boolean>): () => void {
  const unload = (e: Event) => e.preventDefault();
  ask = question;
  addEventListener("beforeunload", unload);
  return () => {
    removeEventListener("beforeunload", unload);
    if (ask === question) ask = null;
  };
}

/** The address of a view. */
export const to = (view: View, about = "", act = "") => `#/${view}${about || act ? "/" + encodeURIComponent(about) : ""}${act ? "/" + act : ""}`;

export const go = (view: View, about = "", act = "") => (location.hash = to(view, about, act));
