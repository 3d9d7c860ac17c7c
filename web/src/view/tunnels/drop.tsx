import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../../words";
import { take } from "./incoming";

const over = signal(false);

/** Lets files be dropped anywhere. */
export function Drop({ then }: { then: () => void }) {
  useEffect(() => {
    const files = (e: DragEvent) => e.dataTransfer?.types.includes("Files");
    const show = (e: DragEvent) => {
      if (!files(e)) return;
      e.preventDefault();
      over.value = true;
    };
    const hide = (e: DragEvent) => void (e.relatedTarget || (over.value = false));
    const drop = (e: DragEvent) => {
      if (!files(e)) return;
      e.preventDefault();
      over.value = false;
      void take([...e.dataTransfer!.files]);
      then();
    };
    const all = { dragover: show, dragleave: hide, drop } as Record<string, (e: DragEvent) => void>;
    for (const k in all) document.addEventListener(k, all[k] as EventListener);
    return () => {
      for (const k in all) document.removeEventListener(k, all[k] as EventListener);
    };
  }, []);
  return over.value ? <div class="drop" aria-hidden="true">{t("tunnels.import.drop.here")}</div> : null;
}
