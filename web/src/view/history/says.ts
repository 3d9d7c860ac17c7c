import { span as lasting } from "../../format";
import { slug } from "../../state";
import { t, told } from "../../words";
import type { Switch } from "../../types";
import type { Stop } from "./layout";
import { between, clock } from "./when";

/** The word for a state of the timeline. */
export const stateWord = (state: string) => (state === "unknown" ? t("history.unknown") : t("state." + slug(state)));

/** What a cause means, in a few words. */
export const causeWord = (cause?: string) => (cause ? told("history.cause." + cause, cause.replaceAll("_", " ")) : "");

/** What was, in parts: the word for it, and what else there is to say. */
export function words({ from, until, span, mark }: Stop): [string, string[]] {
  if (mark) return [switchWords(mark), [causeWord(mark.cause), mark.downtimeMs > 0 ? t("now.without", { span: lasting(mark.downtimeMs) }) : "", clock(from)]];
  const { state, tunnel, cause, mostly, lastedMs } = span!, rest = [tunnel, causeWord(cause), between(from, until)];
  if (!mostly) return [stateWord(state), [...rest, lasting(until - from)]];
  return [t("history.some", { state: stateWord(state), span: lasting(lastedMs!) }), [mostly === state ? "" : t("history.else", { state: stateWord(mostly) }), ...rest]];
}

export const switchWords = ({ kind, from, to }: Switch) => told("switch." + kind, "") ? t("switch." + kind, { from, to }) : `${from} → ${to}`;

/** The same in one line. */
export function sentence(stop: Stop): string {
  const [head, rest] = words(stop);
  return [head, ...rest.filter(Boolean)].join(", ");
}
