import { reason } from "../../part/toast";
import { t } from "../../words";

/** Says that something could not be read, and why. */
export function Failed({ err }: { err: unknown }) {
  const { text, hint, lang } = reason(err);
  return <p class="line" role="alert"><b>{t("history.failed")}</b> <span lang={lang}>{text} {hint}</span></p>;
}
