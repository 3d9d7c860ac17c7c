import type { Setting } from "../../types";

/** A part of the settings: what everyone understands first, the rest behind a fold. */
export interface Section { name: string; plain: string[]; more: string[] }

export const sections: Section[] = [
  { name: "noticing", plain: [], more: ["suspect_after", "traffic_timeout", "handshake_timeout", "health_check_interval"] },
  { name: "then", plain: ["on_unhealthy"], more: ["restart_attempts", "when_exhausted", "minimum_hold", "max_cycles", "cooldown"] },
  { name: "back", plain: ["auto_failback", "failback_when"], more: ["failback_stability", "failback_probe_interval"] },
  { name: "standby", plain: ["standby"], more: [] },
  { name: "guard", plain: ["guard", "allow_lan"], more: [] },
  { name: "checks", plain: ["third_party_checks"], more: ["check_pages"] },
  { name: "network", plain: [], more: ["mtu", "keepalive_override"] },
];

const placed = new Set(["profile", ...sections.flatMap((s) => [...s.plain, ...s.more])]);

/** Settings that this page does not know yet: they are shown all the same. */
export const others = (all: Setting[]) => all.filter((s) => !placed.has(s.key));
