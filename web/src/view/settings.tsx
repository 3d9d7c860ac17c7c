import { t } from "../words";

export function Settings() {
  return <h1>{t("nav.settings")}</h1>;
}
