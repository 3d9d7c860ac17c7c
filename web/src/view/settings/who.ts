import { about, mayAct, mayAdmin } from "../../live";
import { t } from "../../words";
import type { Setting } from "../../types";

/** Why the person may change nothing here, and what to do; "": they may. */
export function barred(): string {
  if (about.value?.readOnly) return t("settings.readonly");
  return mayAct.value ? "" : t("settings.viewer");
}

/** Why the person may not change a setting, and what to do; "": they may. */
export const hindrance = (s: Setting) => barred() || (s.admin && !mayAdmin.value ? t("settings.admin") : "");

/** The command that changes a setting with an administrator's rights. */
export const command = (s: Setting) => `${about.value?.os === "windows" ? "" : "sudo "}holdfast settings set ${s.key}=${/\s/.test(s.value) ? `"${s.value}"` : s.value}`;
