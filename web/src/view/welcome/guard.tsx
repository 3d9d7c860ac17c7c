import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../../api";
import { about, mayAdmin } from "../../live";
import { Button } from "../../part/button";
import { t, told } from "../../words";
import type { Setting } from "../../types";

/** Explains the kill switch, and lets it be chosen by those who may. */
export function Guard({ next, back }: { next: () => void; back: () => void }) {
  const set = useSignal<Setting | null>(null), wanted = useSignal("");
  useEffect(() => {
    void api.get<{ settings: Setting[] }>("settings").then((x) => {
      set.value = x.settings.find((s) => s.key === "guard")!;
      wanted.value = set.value.value;
    }, () => {});
  }, []);
  const go = async () => {
    if (set.value && wanted.value !== set.value.value) await api.patch("settings", { guard: wanted.value });
    next();
  };
  const help = set.value && told("setting.guard.help", "");
  return (
    <>
      <section class="tell">
        <p>{t("welcome.guard.what")}</p>
        {set.value && about.value?.os !== "linux" && <p class="line" lang={help ? undefined : "en"}>{help || set.value.help}</p>}
        {set.value && (
          <fieldset disabled={!mayAdmin.value}>
            <legend class="hidden">{t("guard.title")}</legend>
            {set.value.choices.map((c) => (
              <label key={c} class="choice">
                <input type="radio" name="guard" checked={wanted.value === c} onChange={() => (wanted.value = c)} />
                <span><b>{t(`welcome.guard.${c}`)}</b><small>{t(`welcome.guard.${c}.what`)}</small></span>
              </label>
            ))}
          </fieldset>
        )}
        {!mayAdmin.value && <p><small>{t("welcome.guard.admin")}</small></p>}
      </section>
      <div class="actions">
        <button type="button" onClick={back}>{t("welcome.back")}</button>
        <Button kind="primary" act={go}>{t("welcome.next")}</Button>
      </div>
    </>
  );
}
