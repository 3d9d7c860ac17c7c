import { t } from "../words";

export function Help() {
  return <h1>{t("nav.help")}</h1>;
}
