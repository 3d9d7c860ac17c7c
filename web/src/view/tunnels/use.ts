import { status } from "../../live";

/** What is wished for now, as it was asked for. */
export const isWished = (name: string) => !!status.value?.wish.on && status.value.wish.target === name;

/** A tunnel is part of what is wished for, or active: it can be neither renamed nor deleted. */
export function inUse(name: string): boolean {
  const s = status.value;
  return isWished(name) || s?.active?.tunnel === name || (!!s?.wish.on && s.members.some((m) => m.tunnel === name));
}
