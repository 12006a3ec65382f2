// Builds safetensors files byte by byte, without anything of src/format, and puts them into temporary
// folders.
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after } from 'node:test';

/** Bits per element, from the safetensors specification. */
export const BITS: Readonly<Record<string, number>> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  BOOL: 8,
  C64: 64,
};

export interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Length, header and `dataBytes` bytes of data (or these very bytes). A header that is no text is turned into
 * JSON.
 */
export function safetensorsFile(header: object | string | Buffer, data: number | Buffer = 0): Buffer {
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, typeof data === 'number' ? Buffer.alloc(data, 1) : data]);
}

/** One F32 vector per name, one after the other, `values` numbers each. */
export function vectors(names: readonly string[], values = 2): Buffer {
  const bytes = 4 * values;
  const entries = names.map((name, index): [string, HeaderEntry] => [
    name,
    { dtype: 'F32', shape: [values], data_offsets: [index * bytes, (index + 1) * bytes] },
  ]);
  return safetensorsFile(Object.fromEntries(entries), bytes * names.length);
}

/** A folder that is gone after the tests. */
export function temporaryFolder(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-format-')));
  after(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Writes files (and their folders) below a folder and returns its path. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = paths.join(folder, name);
    fs.mkdirSync(paths.dirname(path), { recursive: true });
    fs.writeFileSync(path, content);
  }
  return folder;
}

/** A file of `bytes` bytes that begins with `start` and takes no room on the disk for the rest. */
export function writeSparse(path: string, start: Buffer, bytes: number): void {
  fs.writeFileSync(path, start);
  fs.truncateSync(path, bytes);
}
