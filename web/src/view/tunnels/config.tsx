import { t, told } from "../../words";
import type { Config, Fault, Warning } from "./types";

/** What goes through a tunnel, in one sentence. */
export function carries(c: Config): string {
  const has = (code: string) => c.warnings.some((w) => w.code === code);
  if (has("no_routes")) return t("tunnels.carries.none");
  if (has("split_tunnel")) return t("tunnels.carries.split", { count: c.routes.length });
  return t(has("no_ipv6") ? "tunnels.carries.v4" : has("no_ipv4") ? "tunnels.carries.v6" : "tunnels.carries.all");
}

const grave = ["no_routes", "no_ipv6", "no_ipv4", "no_address", "shared_route"];

/** What a person should know before using a configuration. */
export function Warnings({ list }: { list: Warning[] }) {
  // Scripts have a place of their own, and what a tunnel carries is said anyway.
  const shown = list.filter((w) => w.code !== "scripts_not_run" && w.code !== "split_tunnel");
  if (shown.length === 0) return null;
  return (
    <ul class="warnings">
      {shown.map((w) => {
        const own = told("tunnels.warning." + w.code, "");
        return (
          <li key={w.code} data-tone={grave.includes(w.code) ? "warn" : undefined}>
            <span lang={own ? undefined : "en"}>{own || w.message}</span>
            {w.details && <small><bdi dir="ltr">{w.details.join(", ")}</bdi></small>}
          </li>
        );
      })}
    </ul>
  );
}

/** The scripts of a configuration, whole: a person must see what they were given. */
export function Scripts({ list }: { list: string[] }) {
  if (list.length === 0) return null;
  return (
    <div class="scripts" data-tone="warn">
      <h3>{t("tunnels.scripts", { count: list.length })}</h3>
      <pre dir="ltr">{list.join("\n")}</pre>
    </div>
  );
}

/** A problem of a configuration. The service words it, in English. */
export function Told({ fault }: { fault: Fault }) {
  return <span lang="en">{fault.key && <b>{fault.key}: </b>}{fault.message}</span>;
}

export const comma = (list: string[]) => list.join(", ") || "–";
