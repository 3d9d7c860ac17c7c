import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { host, part } from "../../api";
import { Dialog } from "../../part/dialog";
import { complain } from "../../part/toast";
import { t } from "../../words";

/** How many light modules a code needs around it to be read. */
const quiet = 4;

/** The whole configuration as a code for a phone. It is gone once it is closed, or nobody looks. */
export function QR({ name, close }: { name: string; close: () => void }) {
  const rows = useSignal<string[] | null>(null);
  useEffect(() => {
    host.post<{ rows: string[] }>("qr/" + part(name)).then((x) => (rows.value = x.rows), (err) => (complain(err), close()));
    const hidden = () => document.hidden && close();
    addEventListener("visibilitychange", hidden);
    return () => {
      removeEventListener("visibilitychange", hidden);
      rows.value = null;
    };
  }, []);
  return (
    <Dialog title={t("tunnels.qr.title", { name })} close={close}>
      <p>{t("tunnels.qr.how")}</p>
      {rows.value && <Code rows={rows.value} label={t("tunnels.qr.title", { name })} />}
      <footer><button type="button" class="primary" onClick={close}>{t("tunnels.close")}</button></footer>
    </Dialog>
  );
}

function Code({ rows, label }: { rows: string[]; label: string }) {
  const size = rows.length + 2 * quiet;
  // Dark modules beside each other are one stroke, so that no gaps show between them.
  const path = rows.map((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + quiet} ${y + quiet}h${run[0].length}v1h-${run[0].length}z`).join("")).join("");
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path fill="#fff" d={`M0 0h${size}v${size}H0z`} />
      <path d={path} />
    </svg>
  );
}
