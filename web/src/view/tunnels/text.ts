/** The most bytes that one configuration may have. */
export const maxBytes = 256 << 10;

/** The text of a file: UTF-8 or UTF-16, as its first bytes say; what is neither is taken for the old Windows letters. */
export function decode(b: Uint8Array): string {
  const little = (b[0] === 0xff && b[1] === 0xfe) || (b.length > 3 && b[0] > 0 && b[1] === 0 && b[2] > 0 && b[3] === 0);
  const big = b[0] === 0xfe && b[1] === 0xff;
  if (little || big) return new TextDecoder(little ? "utf-16le" : "utf-16be").decode(b);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(b);
  } catch {
    return new TextDecoder("windows-1252").decode(b);
  }
}

/** A text from elsewhere as it may be shown: what hides, or turns the reading direction around, becomes a visible mark. */
export const plain = (s: string) => s.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu, "\ufffd");

const longest = 15;

/** Why a name cannot be used, as a key of words; "": it can. These are the service's rules (tunnel.ParseName). */
export function nameFault(name: string): string {
  if (!/^[A-Za-z0-9_=+.-]{1,15}$/.test(name)) return "tunnels.name.shape";
  if (/^\.|\.$/.test(name)) return "tunnels.name.dot";
  if (/^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i.test(name)) return "tunnels.name.reserved";
  return "";
}

/** Names differ where they differ in more than case. */
export const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** A name made of a file's, that is allowed and not among those taken. */
export function suggest(file: string, taken: string[]): string {
  const base = file.replace(/^.*[/\\]/, "").replace(/\.(conf|txt)$/i, "");
  const clean = base.normalize("NFKD").replace(/\p{M}/gu, "").replace(/\s+/g, "-").replace(/[^A-Za-z0-9_=+.-]/g, "");
  const stem = clean.replace(/^[.-]+/, "").slice(0, longest).replace(/[.-]+$/, "");
  const name = nameFault(stem) ? "tunnel" : stem;
  for (let n = 1; ; n++) {
    const tail = n > 1 ? "-" + n : "";
    const tried = name.slice(0, longest - tail.length) + tail;
    if (!taken.some((x) => same(x, tried))) return tried;
  }
}
