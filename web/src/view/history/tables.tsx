import { useSignal } from "@preact/signals";
import { span as lasting } from "../../format";
import { t } from "../../words";
import { stopsOf } from "./layout";
import type { Picture } from "./range";
import { causeWord, switchWords, words } from "./says";
import { between } from "./when";

/** The timeline as text, the latest first. It is made when it is opened. */
export function Table({ p }: { p: Picture }) {
  const open = useSignal(false);
  return (
    <details onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{t("chart.table")}</summary>
      {open.value && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("history.state")}>
          <table>
            <thead><tr><th scope="col">{t("chart.time")}</th><th scope="col">{t("history.state")}</th><th scope="col">{t("now.member")}</th><th scope="col">{t("history.cause")}</th><th scope="col">{t("history.lasted")}</th></tr></thead>
            <tbody>
              {stopsOf(p.timeline).reverse().map((stop) => ({ ...stop, stop })).map(({ from, until, span, mark, stop }) => (
                <tr key={`${from}${mark?.kind}`}>
                  <td>{mark ? between(from, from) : between(from, until)}</td>
                  <td>{mark ? switchWords(mark) : words(stop)[0]}</td>
                  <td>{span?.tunnel ?? mark!.to}</td>
                  <td>{causeWord((span ?? mark)!.cause)}</td>
                  <td>{span ? lasting(span.lastedMs || until - from) : ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
