/** One file of an archive. */
export interface Unzipped { name: string; size: number; text: () => Promise<string> }

/** What an archive may hold: more would fill the tab's memory. */
const mostFiles = 2_000, mostBytes = 64 << 20;

/** Lists the files of a zip archive by its directory. Nothing is unpacked before it is asked for. */
export function unzip(archive: ArrayBuffer): Unzipped[] {
  const v = new DataView(archive), end = directoryEnd(v);
  const count = v.getUint16(end + 10, true), files: Unzipped[] = [];
  let at = v.getUint32(end + 16, true);
  if (count > mostFiles) throw new RangeError("too many files");
  for (let i = 0; i < count; i++) {
    if (v.getUint32(at, true) !== 0x02014b50) throw new RangeError("not a directory of files");
    const method = v.getUint16(at + 10, true), packed = v.getUint32(at + 20, true), size = v.getUint32(at + 24, true);
    const nameLength = v.getUint16(at + 28, true), local = v.getUint32(at + 42, true);
    const name = new TextDecoder().decode(new Uint8Array(archive, at + 46, nameLength));
    if (!name.endsWith("/")) files.push({ name, size, text: () => unpack(archive, local, method, packed) });
    at += 46 + nameLength + v.getUint16(at + 30, true) + v.getUint16(at + 32, true);
  }
  return files;
}

/** Where the record is that ends an archive; a comment of up to 64 kB may follow it. */
function directoryEnd(v: DataView): number {
  for (let at = v.byteLength - 22; at >= 0 && at > v.byteLength - 22 - 0x10000; at--) {
    if (v.getUint32(at, true) === 0x06054b50) return at;
  }
  throw new RangeError("not a zip archive");
}

async function unpack(archive: ArrayBuffer, local: number, method: number, packed: number): Promise<string> {
  const v = new DataView(archive);
  const bytes = new Uint8Array(archive, local + 30 + v.getUint16(local + 26, true) + v.getUint16(local + 28, true), packed);
  if (method === 0) return new TextDecoder().decode(bytes);
  if (method !== 8) throw new RangeError("packed in an unknown way");
  return read(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")));
}

/** Reads a text, and no more of it than may be: a small archive can hold a huge one. */
async function read(stream: ReadableStream<BufferSource>): Promise<string> {
  const reader = (stream as ReadableStream<Uint8Array>).getReader(), decoder = new TextDecoder();
  let text = "";
  for (let sum = 0; ; ) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    if ((sum += value.byteLength) > mostBytes) throw new RangeError("too large");
    text += decoder.decode(value, { stream: true });
  }
}
