import { to } from "../../route";
import { t } from "../../words";

/** The way back to the list. */
export const Back = () => <p><a href={to("tunnels")}>{t("tunnels.back")}</a></p>;
