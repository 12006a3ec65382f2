import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

/** A file in a zip archive. Offsets and sizes in bytes. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** The central directory of a zip archive without zip64, as APPNOTE.TXT 4.3.12 lays it out. */
export function zipEntries(archive: Buffer): readonly ZipEntry[] {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  return Array.from({ length: count }, () => {
    const nameLength = archive.readUInt16LE(at + 28);
    const entry = {
      name: archive.toString('utf8', at + 46, at + 46 + nameLength),
      method: archive.readUInt16LE(at + 10),
      packed: archive.readUInt32LE(at + 20),
      size: archive.readUInt32LE(at + 24),
      offset: archive.readUInt32LE(at + 42),
    };
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
    return entry;
  });
}

/** The bytes of one file in the archive. */
export function zipContent(archive: Buffer, entry: ZipEntry): Buffer {
  const nameLength = archive.readUInt16LE(entry.offset + 26);
  const extraLength = archive.readUInt16LE(entry.offset + 28);
  const start = entry.offset + 30 + nameLength + extraLength;
  const packed = archive.subarray(start, start + entry.packed);
  return entry.method === 0 ? packed : zlib.inflateRawSync(packed);
}

/** Writes all files of the archive below a folder. */
export function unzip(archive: Buffer, folder: string): void {
  for (const entry of zipEntries(archive).filter(({ name }) => !name.endsWith('/'))) {
    const file = path.join(folder, entry.name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, zipContent(archive, entry));
  }
}
