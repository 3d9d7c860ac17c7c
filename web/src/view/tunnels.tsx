import { t } from "../words";

export function Tunnels() {
  return <h1>{t("nav.tunnels")}</h1>;
}
