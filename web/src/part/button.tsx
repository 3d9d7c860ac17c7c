import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { attempt } from "./toast";

interface Props {
  /** What it does; while that lasts the button waits, and a refusal is told. */
  act: () => unknown;
  children: ComponentChildren;
  kind?: "primary" | "danger" | "bare";
  disabled?: boolean;
  label?: string;
  id?: string;
}

export function Button({ act, children, kind, disabled, label, id }: Props) {
  const busy = useSignal(false);
  const press = async () => {
    if (busy.value) return;
    busy.value = true;
    await attempt(act);
    busy.value = false;
  };
  // A button that waits keeps the focus: it is not disabled, it only does nothing.
  return (
    <button type="button" id={id} class={kind} disabled={disabled} aria-busy={busy.value || undefined} aria-label={label} onClick={press}>
      {children}
    </button>
  );
}
