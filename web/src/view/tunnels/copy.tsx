import { useSignal } from "@preact/signals";
import { Button } from "../../part/button";
import { t } from "../../words";

/** A button that puts a text into the clipboard, and says that it has. */
export function Copy({ text, label }: { text: string; label: string }) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    setTimeout(() => (done.value = false), 2_000);
  };
  return (
    <>
      <Button kind="bare" act={copy} label={label}>{t(done.value ? "tunnels.copied" : "tunnels.copy")}</Button>
      <span class="hidden" role="status">{done.value ? t("tunnels.copied") : ""}</span>
    </>
  );
}

/** A key, whole, with its button. */
export function Key({ value, label }: { value: string; label: string }) {
  return <span class="pubkey"><code dir="ltr">{value}</code><Copy text={value} label={label} /></span>;
}
