import { maxBytes, plain } from "./text";

// Reads the archives that WireGuard's own programs write. Nothing in an archive is
// believed: every length is checked, and what comes out is counted as it comes.

const maxEntries = 100;
const maxArchive = 10 << 20;

/** A file of an archive, or why it could not be taken out, as a key of words. */
export interface Entry { name: string; bytes?: Uint8Array; fault?: string }

/** What is wrong with a whole archive, as a key of words. */
export class ZipFault extends Error {}

export const isZip = (b: Uint8Array) => b[0] === 0x50 && b[1] === 0x4b && (b[2] === 3 || b[2] === 5);

/** Takes the configurations out of an archive. skipped counts what is something else. */
export async function unzip(archive: Uint8Array): Promise<{ entries: Entry[]; skipped: number }> {
  if (archive.length > maxArchive) throw new ZipFault("tunnels.zip.large");
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const entries: Entry[] = [];
  let skipped = 0, total = 0;
  try {
    for (const h of directory(view)) {
      const name = plain(new TextDecoder().decode(archive.subarray(h.nameAt, h.nameAt + h.nameLength)));
      const leaf = name.replace(/^.*[/\\]/, "");
      if (leaf === "" || leaf.startsWith(".") || name.startsWith("__MACOSX/")) continue;
      if (/\.zip$/i.test(leaf)) entries.push({ name, fault: "tunnels.zip.nested" });
      else if (!/\.(conf|txt)$/i.test(leaf)) skipped++;
      else {
        const entry = { name, ...(await extract(view, archive, h)) };
        if ((total += entry.bytes?.length ?? 0) > maxArchive) throw new ZipFault("tunnels.zip.large");
        entries.push(entry);
      }
    }
  } catch (err) {
    throw err instanceof ZipFault ? err : new ZipFault("tunnels.zip.bad");
  }
  return { entries, skipped };
}

interface Header { flags: number; method: number; crc: number; packed: number; at: number; nameAt: number; nameLength: number }

/** The headers in the directory at the archive's end. */
function directory(v: DataView): Header[] {
  let end = v.byteLength - 22;
  for (const least = Math.max(0, end - 0xffff); end >= least && v.getUint32(end, true) !== 0x06054b50; ) end--;
  if (end < 0 || v.getUint32(end, true) !== 0x06054b50) throw new ZipFault("tunnels.zip.bad");
  const count = v.getUint16(end + 10, true);
  if (count > maxEntries) throw new ZipFault("tunnels.zip.many");
  const found: Header[] = [];
  for (let at = v.getUint32(end + 16, true); found.length < count; ) {
    if (v.getUint32(at, true) !== 0x02014b50) throw new ZipFault("tunnels.zip.bad");
    const nameLength = v.getUint16(at + 28, true);
    found.push({
      flags: v.getUint16(at + 8, true), method: v.getUint16(at + 10, true), crc: v.getUint32(at + 16, true),
      packed: v.getUint32(at + 20, true), at: v.getUint32(at + 42, true), nameAt: at + 46, nameLength,
    });
    at += 46 + nameLength + v.getUint16(at + 30, true) + v.getUint16(at + 32, true);
  }
  return found;
}

async function extract(v: DataView, archive: Uint8Array, h: Header): Promise<Omit<Entry, "name">> {
  if (h.flags & 1) return { fault: "tunnels.zip.locked" };
  if (h.method !== 0 && h.method !== 8) return { fault: "tunnels.zip.method" };
  if (v.getUint32(h.at, true) !== 0x04034b50) return { fault: "tunnels.zip.broken" };
  const from = h.at + 30 + v.getUint16(h.at + 26, true) + v.getUint16(h.at + 28, true);
  if (from + h.packed > archive.length) return { fault: "tunnels.zip.broken" };
  const packed = archive.slice(from, from + h.packed);
  const bytes = h.method === 0 ? packed : await inflate(packed).catch(() => null);
  if (!bytes) return { fault: "tunnels.zip.broken" };
  if (bytes.length > maxBytes) return { fault: "tunnels.file.large" };
  return crc32(bytes) === h.crc ? { bytes } : { fault: "tunnels.zip.broken" };
}

/** Unpacks, and stops once there is more than a configuration may have. */
async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    if ((length += value.length) > maxBytes) {
      void reader.cancel().catch(() => {});
      break;
    }
  }
  const whole = new Uint8Array(length);
  length = 0;
  for (const p of parts) {
    whole.set(p, length);
    length += p.length;
  }
  return whole;
}

function crc32(b: Uint8Array): number {
  let c = -1;
  for (const x of b) {
    c ^= x;
    for (let i = 0; i < 8; i++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  }
  return ~c >>> 0;
}
