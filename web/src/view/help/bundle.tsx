import { useSignal } from "@preact/signals";
import { send } from "../../api";
import { bytes } from "../../format";
import { Button } from "../../part/button";
import { Dialog } from "../../part/dialog";
import { saveAs } from "../../part/save";
import { say } from "../../part/toast";
import { unzip, type Unzipped } from "../../part/unzip";
import { t, told } from "../../words";

interface Made { archive: ArrayBuffer; files: Unzipped[] }

/** How much of a file the preview shows, in characters: a browser lays out more only slowly. */
const shownMost = 200_000;

/** An archive for whoever helps: it is looked into before it is saved, and sent nowhere. */
export function Bundle() {
  const made = useSignal<Made | null>(null);
  const make = async () => {
    const archive = await (await send("GET", "/api/v1/bundle")).arrayBuffer();
    made.value = { archive, files: unzip(archive) };
  };
  return (
    <section id="bundle">
      <h2>{t("help.bundle")}</h2>
      <p class="lead">{t("help.bundle.what")}</p>
      <Button act={make}>{t("help.bundle.make")}</Button>
      {made.value && <Preview {...made.value} close={() => (made.value = null)} />}
    </section>
  );
}

function Preview({ archive, files, close }: Made & { close: () => void }) {
  const save = () => {
    const day = new Date().toISOString().slice(0, 10), name = `holdfast-${day}.zip`;
    saveAs(name, new Blob([archive], { type: "application/zip" }));
    say(t("help.bundle.saved", { name }));
    close();
  };
  return (
    <Dialog title={t("help.bundle.title")} close={close} wide>
      <p>{t("help.bundle.leftOut")}</p>
      {files.map((f) => <File key={f.name} f={f} />)}
      <footer>
        <button type="button" onClick={close}>{t("dialog.cancel")}</button>
        <button type="button" class="primary" onClick={save}>{t("help.bundle.save", { size: bytes(archive.byteLength) })}</button>
      </footer>
    </Dialog>
  );
}

/** One file, unpacked when it is opened. */
function File({ f }: { f: Unzipped }) {
  const text = useSignal<string | null>(null);
  const open = async () => {
    text.value ??= await f.text().catch((err: Error) => err.message);
  };
  return (
    <details onToggle={(e) => e.currentTarget.open && void open()}>
      <summary><code>{f.name}</code> <small>{told("help.file." + f.name.replace(".", "_"), "")} · {bytes(f.size)}</small></summary>
      {text.value !== null && <pre tabIndex={0} aria-label={f.name} lang="en" dir="ltr">{text.value.slice(0, shownMost)}{text.value.length > shownMost && "\n…"}</pre>}
    </details>
  );
}
