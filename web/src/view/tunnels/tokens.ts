/** What a piece of a configuration is, for its colour. */
export type Kind = "section" | "name" | "value" | "token" | "comment" | "other";

export interface Piece { kind: Kind; text: string }

/** Cuts a line of a configuration into pieces; together they are the line. */
export function pieces(line: string): Piece[] {
  const hash = line.indexOf("#");
  const body = hash < 0 ? line : line.slice(0, hash);
  const found: Piece[] = [];
  const add = (kind: Kind, text: string) => text && found.push({ kind, text });
  const pair = /^(\s*[A-Za-z]+\s*)(=)(.*)$/.exec(body);
  if (/^\s*\[[^\]]*\]\s*$/.test(body)) add("section", body);
  else if (pair) {
    add("name", pair[1]);
    add("other", pair[2]);
    add(/^\s*\((kept|new)\)\s*$/.test(pair[3]) ? "token" : "value", pair[3]);
  } else add("other", body);
  if (hash >= 0) add("comment", line.slice(hash));
  return found;
}
