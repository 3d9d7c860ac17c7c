import { about, prefer, prefs, status } from "../../live";
import { attempt } from "../../part/toast";
import { Button } from "../../part/button";
import { t } from "../../words";

/** What happens from here on. */
export function Done({ next, back }: { next: () => void; back: () => void }) {
  const p = prefs.value, on = status.value?.wish.on;
  return (
    <>
      <section class="tell">
        <p>{t(on ? "welcome.done.on" : "welcome.done.off", { name: status.value?.wish.target ?? "" })}</p>
        <p>{t(about.value?.tray ? "welcome.done.tray" : "welcome.done.notray")}</p>
        {p?.loginSupported && (
          <label class="choice">
            <input type="checkbox" checked={p.startAtLogin} onChange={(e) => void attempt(() => prefer({ startAtLogin: e.currentTarget.checked }))} />
            <span><b>{t("welcome.done.login")}</b><small>{t("welcome.done.login.what")}</small></span>
          </label>
        )}
      </section>
      <div class="actions">
        <button type="button" onClick={back}>{t("welcome.back")}</button>
        <Button kind="primary" act={next}>{t("welcome.done.go")}</Button>
      </div>
    </>
  );
}
