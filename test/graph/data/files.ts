// Writes data files byte by byte, without anything of src/graph/data, into temporary folders.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after } from 'node:test';
import * as zlib from 'node:zlib';

/** A folder that is removed after the tests of the file; returns a function that writes a file into it. */
export function temporaryFiles(): (name: string, content: Buffer | string) => string {
  const folder = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-data-'));
  after(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return (name, content) => {
    const path = paths.join(folder, name);
    fs.mkdirSync(paths.dirname(path), { recursive: true });
    fs.writeFileSync(path, content);
    return path;
  };
}

/** How NumPy names a type, its width, and a way to write one value of it, little-endian. */
export const KINDS = {
  b1: {
    type: 'bool',
    width: 1,
    write: (b: Buffer, x: number, at: number) => b.writeUInt8(x === 0 ? 0 : 1, at),
  },
  i1: { type: 'int8', width: 1, write: (b: Buffer, x: number, at: number) => b.writeInt8(x, at) },
  i2: { type: 'int16', width: 2, write: (b: Buffer, x: number, at: number) => b.writeInt16LE(x, at) },
  i4: { type: 'int32', width: 4, write: (b: Buffer, x: number, at: number) => b.writeInt32LE(x, at) },
  i8: {
    type: 'int64',
    width: 8,
    write: (b: Buffer, x: number, at: number) => b.writeBigInt64LE(BigInt(x), at),
  },
  u1: { type: 'uint8', width: 1, write: (b: Buffer, x: number, at: number) => b.writeUInt8(x, at) },
  u2: { type: 'uint16', width: 2, write: (b: Buffer, x: number, at: number) => b.writeUInt16LE(x, at) },
  u4: { type: 'uint32', width: 4, write: (b: Buffer, x: number, at: number) => b.writeUInt32LE(x, at) },
  u8: {
    type: 'uint64',
    width: 8,
    write: (b: Buffer, x: number, at: number) => b.writeBigUInt64LE(BigInt(x), at),
  },
  f4: { type: 'float32', width: 4, write: (b: Buffer, x: number, at: number) => b.writeFloatLE(x, at) },
  f8: { type: 'float64', width: 8, write: (b: Buffer, x: number, at: number) => b.writeDoubleLE(x, at) },
} as const;

export type Kind = keyof typeof KINDS;

export interface NpyOptions {
  readonly kind: Kind;
  readonly shape: readonly number[];
  /** The value at a place, given as one index per axis. */
  readonly value: (place: readonly number[]) => number;
  readonly fortran?: boolean;
  readonly big?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** An array in NumPy's format, element by element. */
export function npyFile({
  kind,
  shape,
  value,
  fortran = false,
  big = false,
  version = 1,
}: NpyOptions): Buffer {
  const { width, write } = KINDS[kind];
  const order = width === 1 ? '|' : big ? '>' : '<';
  const sizes = shape.length === 1 ? `${String(shape[0])},` : shape.join(', ');
  const head = npyHead(
    `{'descr': '${order}${kind}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`,
    version,
  );
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Buffer.alloc(count * width);
  for (let i = 0; i < count; i++) {
    const element = data.subarray(i * width, (i + 1) * width);
    write(element, value(placeOf(i, shape, fortran)), 0);
    if (big) element.reverse();
  }
  return Buffer.concat([head, data]);
}

/** Magic, version, length and the header, padded to 64 bytes. */
export function npyHead(dictionary: string, version: 1 | 2 | 3 = 1): Buffer {
  const before = version === 1 ? 10 : 12;
  const text = dictionary.padEnd(Math.ceil((dictionary.length + before + 1) / 64) * 64 - before - 1) + '\n';
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0, 0, 0, 0, 0]).subarray(0, before);
  if (version === 1) start.writeUInt16LE(text.length, 8);
  else start.writeUInt32LE(text.length, 8);
  return Buffer.concat([start, Buffer.from(text, 'latin1')]);
}

/** The indices of the i-th element as it lies in the file. */
export function placeOf(i: number, shape: readonly number[], fortran = false): number[] {
  const axes = shape.map((_, axis) => axis);
  const place = shape.map(() => 0);
  let left = i;
  for (const axis of fortran ? axes : axes.reverse()) {
    const size = shape[axis] ?? 1;
    place[axis] = left % size;
    left = Math.floor(left / size);
  }
  return place;
}

export interface ZipMember {
  readonly name: string;
  readonly content: Buffer;
  readonly method?: number;
  /** Overrides, for files that lie. */
  readonly claims?: {
    readonly bytes?: number;
    readonly crc?: number;
    readonly local?: number;
    readonly flags?: number;
  };
  /** Sizes in a ZIP64 extra field, as NumPy writes local headers, and here the directory, too. */
  readonly wide?: boolean;
}

/** A zip archive: local headers with contents, the directory, its end. */
export function zipFile(members: readonly ZipMember[], { comment = '', wideEnd = false } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 0, claims = {}, wide = false } of members) {
    const packed = method === 8 ? zlib.deflateRawSync(content) : content;
    const bytes = claims.bytes ?? content.length;
    const crc = claims.crc ?? zlib.crc32(content);
    const text = Buffer.from(name);
    const extra = wide ? wideExtra([bytes, packed.length]) : Buffer.alloc(0);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(claims.flags ?? 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(wide ? 0xffffffff : packed.length, 14);
    common.writeUInt32LE(wide ? 0xffffffff : bytes, 18);
    common.writeUInt16LE(text.length, 22);
    common.writeUInt16LE(extra.length, 24);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, text, extra, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(claims.local ?? offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, text, extra]));
    parts.push(local);
    offset += local.length;
  }
  const bytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(wideEnd ? 0xffff : members.length, 8);
  end.writeUInt16LE(wideEnd ? 0xffff : members.length, 10);
  end.writeUInt32LE(bytes.length, 12);
  end.writeUInt32LE(wideEnd ? 0xffffffff : offset, 16);
  end.writeUInt16LE(comment.length, 20);
  const end64 = wideEnd ? endOfWide(members.length, offset, bytes.length) : Buffer.alloc(0);
  return Buffer.concat([...parts, bytes, end64, end, Buffer.from(comment)]);
}

function wideExtra(sizes: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * sizes.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * sizes.length, 2);
  sizes.forEach((size, i) => extra.writeBigUInt64LE(BigInt(size), 4 + 8 * i));
  return extra;
}

function endOfWide(count: number, start: number, bytes: number): Buffer {
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(start + bytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator]);
}
