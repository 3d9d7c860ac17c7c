// Writes archives as a person's provider would, and some that nobody should trust.
import { crc32, deflateRawSync } from "node:zlib";

const crc = crc32 ?? ((bytes) => {
  let c = ~0;
  for (const b of bytes) for (let k = ((c ^= b), 0); k < 8; k++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  return ~c >>> 0;
});

/** An archive of [name, text] pairs. locked: it claims to have a password. */
export function zip(files, { locked = false } = {}) {
  const parts = [], index = [];
  let at = 0;
  for (const [name, text] of files) {
    const bytes = Buffer.from(text), packed = deflateRawSync(bytes), label = Buffer.from(name);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(0x800 | (locked ? 1 : 0), 2);
    head.writeUInt16LE(8, 4);
    head.writeUInt32LE(crc(bytes), 10);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(bytes.length, 18);
    head.writeUInt16LE(label.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), head, label, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    index.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), head, tail, label]));
    parts.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(index), end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, directory, Buffer.from("PK\x05\x06", "latin1"), end]);
}
