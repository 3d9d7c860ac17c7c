import { signal } from "@preact/signals";

export const views = ["now", "history", "tunnels", "settings", "help"] as const;
export type View = (typeof views)[number];

export interface Route {
  view: View;
  /** What the view is about, as the name of a tunnel; "": nothing in particular. */
  about: string;
}

function read(): Route {
  const [view, about = ""] = location.hash.replace(/^#\//, "").split("/");
  try {
    return { view: (views as readonly string[]).includes(view) ? (view as View) : "now", about: decodeURIComponent(about) };
  } catch {
    return { view: "now", about: "" };
  }
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => (route.value = read()));

/** The address of a view. */
export const to = (view: View, about = "") => `#/${view}${about ? "/" + encodeURIComponent(about) : ""}`;

export const go = (view: View, about = "") => (location.hash = to(view, about));
