import fs from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

export const ZOO = join(import.meta.dirname, '../../../shared/zoo');

/** Why tests against the zoo are skipped; `false` where it is there. */
export const WITHOUT_ZOO = fs.existsSync(join(ZOO, 'README.md')) ? false : `there is no ${ZOO}`;

/** An array of an .npz file: C order only. */
export interface NpzArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The arrays of a small .npz file, by name: the central directory of the zip, then the header of each .npy. */
export function readNpz(path: string): Map<string, NpzArray> {
  const file = fs.readFileSync(path);
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const entries = file.readUInt16LE(end + 10);
  const arrays = new Map<string, NpzArray>();
  let at = file.readUInt32LE(end + 16);
  for (let i = 0; i < entries; i++) {
    const method = file.readUInt16LE(at + 10);
    const packed = file.readUInt32LE(at + 20);
    const nameLength = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const stored = file.subarray(start, start + packed);
    arrays.set(name.replace(/\.npy$/, ''), parseNpy(method === 8 ? inflateRawSync(stored) : stored));
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return arrays;
}

function parseNpy(file: Buffer): NpzArray {
  const wide = file[6] === 1 ? 2 : 4;
  const length = wide === 2 ? file.readUInt16LE(8) : file.readUInt32LE(8);
  const header = file.toString('latin1', 8 + wide, 8 + wide + length);
  const dtype = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((part) => part.trim() !== '');
  return { dtype, shape: shape.map(Number), bytes: new Uint8Array(file.subarray(8 + wide + length)) };
}
