import { t } from "../words";

export function History() {
  return <h1>{t("nav.history")}</h1>;
}
