import { signal } from "@preact/signals";
import { api, part } from "../../api";
import { groups, reload } from "../../data";
import { mayAdmin } from "../../live";
import { Button } from "../../part/button";
import { confirm, Dialog } from "../../part/dialog";
import { say } from "../../part/toast";
import { go, to } from "../../route";
import { t } from "../../words";
import type { Group } from "../../types";
import { Copy } from "./copy";
import { AskName } from "./name";
import { QR } from "./qr";
import { inUse } from "./use";

type Room = "" | "rename" | "export" | "qr";

const room = signal<Room>("");

/** What can be done with a tunnel. */
export function Manage({ name, readable }: { name: string; readable: boolean }) {
  const close = () => (room.value = "");
  const rename = async (to: string) => {
    await api.post(`tunnels/${part(name)}/rename`, { to });
    await reload();
    close();
    go("tunnels", to);
  };
  return (
    <section>
      <h2>{t("tunnels.manage")}</h2>
      <div class="actions">
        {readable && <a class="button" href={to("tunnels", name, "edit")}>{t("tunnels.edit")}</a>}
        {readable && <Button act={async () => (await isFree(name, "rename")) && (room.value = "rename")}>{t("tunnels.rename")}</Button>}
        {readable && <Button act={() => reveal(name)}>{t("tunnels.export")}</Button>}
        {readable && <Button act={() => show(name)}>{t("tunnels.qr")}</Button>}
        <Button act={() => remove(name)}>{t("tunnels.delete")}</Button>
      </div>
      {room.value === "rename" && <AskName title={t("tunnels.rename.title", { name })} from={name} yes={t("tunnels.rename")} act={rename} close={close} />}
      {room.value === "export" && <AskAdmin name={name} close={close} />}
      {room.value === "qr" && <QR name={name} close={close} />}
    </section>
  );
}

/** Says why a tunnel that is in use cannot be changed now, and offers to disconnect. */
async function isFree(name: string, what: "rename" | "delete"): Promise<boolean> {
  if (!inUse(name)) return true;
  if (await confirm(t(`tunnels.${what}.title`, { name }), t("tunnels.busy", { name }), t("now.disconnect"))) await api.post("disconnect");
  return false;
}

/** Deletes a tunnel, out of its groups too. Undo puts it back where it was. */
async function remove(name: string) {
  if (!(await isFree(name, "delete"))) return;
  const before = groups.value.filter((g) => g.members.includes(name));
  const empty = before.filter((g) => g.members.length === 1).map((g) => g.name);
  const text = (
    <>
      <p>{t("tunnels.delete.what")}</p>
      {before.length > 0 && <p>{t("tunnels.delete.groups", { groups: before.map((g) => g.name).join(", ") })}</p>}
      {empty.length > 0 && <p>{t("tunnels.delete.empty", { groups: empty.join(", ") })}</p>}
    </>
  );
  if (!(await confirm(t("tunnels.delete.title", { name }), text, t("tunnels.delete"), true))) return;
  try {
    for (const g of before) await setGroup(g.name, g.members.filter((m) => m !== name));
    await api.remove("tunnels/" + part(name));
  } catch (err) {
    for (const g of before) await setGroup(g.name, g.members).catch(() => {});
    throw err;
  } finally {
    await reload();
  }
  say(t("tunnels.deleted", { name }), () => restore(name, before));
  go("tunnels");
}

async function restore(name: string, before: Group[]) {
  await api.post(`tunnels/${part(name)}/restore`);
  for (const g of before) await setGroup(g.name, g.members);
  await reload();
}

/** A group has at least one member: without any it goes. */
const setGroup = (name: string, members: string[]) =>
  members.length > 0 ? api.put("groups/" + part(name), { members }) : api.remove("groups/" + part(name));

/** Hands the configuration out as a file, after a question: it holds the private key. */
async function reveal(name: string) {
  if (!mayAdmin.value) return void (room.value = "export");
  if (!(await confirm(t("tunnels.export.title", { name }), t("tunnels.export.what"), t("tunnels.export.yes")))) return;
  const { text } = await api.get<{ text: string }>(`tunnels/${part(name)}/export`);
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name + ".conf";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Shows the code for a phone, after a question. */
async function show(name: string) {
  if (!mayAdmin.value) return void (room.value = "export");
  if (await confirm(t("tunnels.qr.title", { name }), t("tunnels.qr.what"), t("tunnels.qr.yes"))) room.value = "qr";
}

/** Says how an administrator gets the configuration with its keys. */
function AskAdmin({ name, close }: { name: string; close: () => void }) {
  const command = `sudo holdfast tunnel export ${name}`;
  return (
    <Dialog title={t("tunnels.export.title", { name })} close={close}>
      <p>{t("tunnels.export.admin")}</p>
      <p class="pubkey"><code dir="ltr">{command}</code><Copy text={command} label={t("tunnels.export.copy")} /></p>
      <footer><button type="button" onClick={close}>{t("tunnels.close")}</button></footer>
    </Dialog>
  );
}
