import { Refusal } from "../../api";
import { t } from "../../words";

/** Says that something could not be read, and why. */
export function Failed({ err }: { err: unknown }) {
  const refusal = err instanceof Refusal ? err : null;
  const why = refusal?.code === "unreachable" ? t("state.service-unreachable.what") : String((err as Error).message);
  return <p class="line" role="alert"><b>{t("history.failed")}</b> {why} {refusal?.hint}</p>;
}
