import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { groups, tunnels } from "../../data";
import { Dialog } from "../../part/dialog";
import { attempt } from "../../part/toast";
import { t } from "../../words";
import { nameFault, same } from "./text";

/** Why something new cannot have a name, in words; "": it can. own is the name it has now. */
export function whyNot(name: string, own = ""): string {
  const wrong = nameFault(name);
  if (wrong) return t(wrong);
  if (!same(name, own) && tunnels.value?.some((x) => same(x.name, name))) return t("tunnels.name.tunnel", { name });
  return !same(name, own) && groups.value.some((g) => same(g.name, name)) ? t("tunnels.name.group", { name }) : "";
}

interface Props {
  title: string;
  from: string;
  yes: string;
  act: (name: string) => Promise<unknown>;
  close: () => void;
  ready?: boolean;
  children?: ComponentChildren;
}

/** Asks for a name, and says at once what is wrong with it. */
export function AskName({ title, from, yes, act, close, ready = true, children }: Props) {
  const name = useSignal(from), busy = useSignal(false);
  const wrong = name.value === "" || name.value === from ? "" : whyNot(name.value, from);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy.value) return;
    busy.value = true;
    if (await attempt(() => act(name.value))) close();
    busy.value = false;
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={submit}>
        <label>{t("tunnels.name")}
          <input value={name} maxLength={15} dir="ltr" autocomplete="off" spellcheck={false} autofocus aria-invalid={wrong !== "" || undefined} aria-describedby="name-why" onInput={(e) => (name.value = e.currentTarget.value)} />
        </label>
        <p id="name-why" role="status"><small>{wrong || t("tunnels.name.shape")}</small></p>
        {children}
        <footer>
          <button type="button" onClick={close}>{t("dialog.cancel")}</button>
          <button class="primary" aria-busy={busy.value || undefined} disabled={!ready || name.value === "" || name.value === from || wrong !== ""}>{yes}</button>
        </footer>
      </form>
    </Dialog>
  );
}
