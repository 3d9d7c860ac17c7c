import type { Refusal } from "../api";
import { reason } from "./toast";

/** Why there is nothing to be seen here, and what the person can do. */
export function Refused({ why }: { why: Refusal }) {
  const { text, hint, lang } = reason(why);
  return <section><p lang={lang}>{text}</p>{hint && <p lang={lang}><small>{hint}</small></p>}</section>;
}
