import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../words";

interface Question { title: string; text: ComponentChildren; yes: string; danger: boolean; answer: (yes: boolean) => void }

const question = signal<Question | null>(null);

/** Asks before something that cannot be undone, or that shows a secret. */
export function confirm(title: string, text: ComponentChildren, yes: string, danger = false): Promise<boolean> {
  return new Promise((answer) => (question.value = { title, text, yes, danger, answer }));
}

/** The one place where questions of confirm appear. */
export function Questions() {
  const q = question.value;
  if (!q) return null;
  const answer = (yes: boolean) => {
    question.value = null;
    q.answer(yes);
  };
  return (
    <Dialog title={q.title} close={() => answer(false)}>
      <div>{q.text}</div>
      <footer>
        <button type="button" onClick={() => answer(false)}>{t("dialog.cancel")}</button>
        <button type="button" class={q.danger ? "danger" : "primary"} onClick={() => answer(true)}>{q.yes}</button>
      </footer>
    </Dialog>
  );
}

/** A modal dialog, for as long as it is rendered. Escape closes it; the focus returns where it was. */
export function Dialog({ title, close, children, wide }: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const from = document.activeElement as HTMLElement | null;
    const box = ref.current!;
    box.showModal();
    return () => {
      // As long as it is open nothing behind it takes the focus.
      box.close();
      if (from?.isConnected) from.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? "wide" : ""} aria-label={title} onCancel={(e) => (e.preventDefault(), close())}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}
