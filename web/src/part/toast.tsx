import { signal } from "@preact/signals";
import { Refusal } from "../api";
import { t } from "../words";
import { Icon } from "./icon";

interface Toast { id: number; text: string; hint: string; bad: boolean; undo?: () => unknown }

const toasts = signal<Toast[]>([]);
const shownMs = 10_000;
let next = 1;

/** Says something in passing, with a way back where there is one. */
export function say(text: string, undo?: () => unknown) {
  show({ id: next++, text, hint: "", bad: false, undo });
}

export interface Reason { text: string; hint: string; lang?: string }

/** Why something was refused, and what the person can do. The service gives its reasons in English. */
export function reason(err: unknown): Reason {
  const refusal = err instanceof Refusal ? err : null;
  if (refusal?.code === "unreachable") return { text: t("state.service-unreachable.what"), hint: "" };
  return { text: String((err as Error).message), hint: refusal?.hint ?? "", lang: "en" };
}

/** Says what was refused, and what the person can do. */
export function complain(err: unknown) {
  if (err instanceof Refusal && err.code === "no_session") return;
  const { text, hint } = reason(err);
  show({ id: next++, bad: true, text, hint });
}

function show(toast: Toast) {
  toasts.value = [...toasts.value.slice(-2), toast];
  // What went wrong stays until the person has closed it.
  if (!toast.bad) setTimeout(() => hide(toast.id), shownMs);
}

const hide = (id: number) => (toasts.value = toasts.value.filter((x) => x.id !== id));

/** Does something, and complains where that is refused. True: it was done. */
export async function attempt(what: () => unknown): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (err) {
    complain(err);
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label={t("toast.region")}>
      {toasts.value.map((x) => (
        <div key={x.id} class={"toast" + (x.bad ? " bad" : "")}>
          <p>{x.text}{x.hint && <small>{x.hint}</small>}</p>
          {x.undo && <button onClick={() => (hide(x.id), attempt(x.undo!))}>{t("toast.undo")}</button>}
          <button class="bare" aria-label={t("toast.close")} onClick={() => hide(x.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
