// Builds GGUF files byte by byte from the documentation of the format, without anything of src/format, and opens them.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';

/** A value of the metadata as its type and what it is. */
export type Value =
  | readonly ['u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64', number]
  | readonly ['u64' | 'i64', bigint]
  | readonly ['bool', boolean]
  | readonly ['string', string]
  | readonly ['array', string, readonly Value[]];

const TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64'];

export interface TensorOfFile {
  readonly name: string;
  /** As ggml has them, the fastest first. */
  readonly dimensions: readonly (number | bigint)[];
  readonly type: number;
  readonly data: Buffer;
  /** Instead of where it lies. */
  readonly offset?: bigint;
}

export interface GgufOptions {
  readonly version?: 1 | 2 | 3;
  readonly bigEndian?: boolean;
  readonly alignment?: number;
  readonly tensorCount?: bigint;
  readonly keyCount?: bigint;
}

/** A whole file. */
export function ggufFile(
  metadata: readonly (readonly [string, Value])[],
  tensors: readonly TensorOfFile[],
  options: GgufOptions = {},
): Buffer {
  const { version = 3, bigEndian = false, alignment = 32 } = options;
  const parts: Buffer[] = [];
  const number = (bytes: number, write: (target: Buffer) => void) => {
    const target = Buffer.alloc(bytes);
    write(target);
    parts.push(bigEndian && bytes > 1 ? target.reverse() : target);
  };
  const u32 = (value: number) => {
    number(4, (target) => target.writeUInt32LE(value));
  };
  const u64 = (value: bigint) => {
    number(8, (target) => target.writeBigUInt64LE(value));
  };
  const length = (value: number | bigint) => {
    if (version === 1) u32(Number(value));
    else u64(BigInt(value));
  };
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    length(bytes.length);
    parts.push(bytes);
  };
  const value = (given: Value): void => {
    switch (given[0]) {
      case 'u8':
        return number(1, (target) => target.writeUInt8(given[1]));
      case 'i8':
        return number(1, (target) => target.writeInt8(given[1]));
      case 'u16':
        return number(2, (target) => target.writeUInt16LE(given[1]));
      case 'i16':
        return number(2, (target) => target.writeInt16LE(given[1]));
      case 'u32':
        return u32(given[1]);
      case 'i32':
        return number(4, (target) => target.writeInt32LE(given[1]));
      case 'f32':
        return number(4, (target) => target.writeFloatLE(given[1]));
      case 'f64':
        return number(8, (target) => target.writeDoubleLE(given[1]));
      case 'u64':
        return u64(given[1]);
      case 'i64':
        return number(8, (target) => target.writeBigInt64LE(given[1]));
      case 'bool':
        return number(1, (target) => target.writeUInt8(given[1] ? 1 : 0));
      case 'string':
        return text(given[1]);
      case 'array':
        u32(TYPES.indexOf(given[1]));
        length(given[2].length);
        given[2].forEach(value);
    }
  };
  parts.push(Buffer.from('GGUF'));
  u32(version);
  length(options.tensorCount ?? tensors.length);
  length(options.keyCount ?? metadata.length);
  for (const [key, given] of metadata) {
    text(key);
    u32(TYPES.indexOf(given[0]));
    value(given);
  }
  let offset = 0;
  for (const { name, dimensions, type, data, offset: own } of tensors) {
    text(name);
    u32(dimensions.length);
    dimensions.forEach(length);
    u32(type);
    u64(own ?? BigInt(offset));
    offset += Math.ceil(data.length / alignment) * alignment;
  }
  const header = Buffer.concat(parts);
  const padded = (bytes: Buffer) =>
    Buffer.concat([bytes, Buffer.alloc(Math.ceil(bytes.length / alignment) * alignment - bytes.length)]);
  return Buffer.concat([padded(header), ...tensors.map(({ data }) => padded(data))]);
}

/** Float32 as bytes. */
export function floats(values: readonly number[], bigEndian = false): Buffer {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  return bigEndian ? bytes.swap32() : bytes;
}

/** A tensor of F32 that has as many numbers as its dimensions say: `first`, `first` + 1, … */
export function numbers(name: string, dimensions: readonly number[], first = 0): TensorOfFile {
  const count = dimensions.reduce((product, length) => product * length, 1);
  return { name, dimensions, type: 0, data: floats(Array.from({ length: count }, (_, i) => first + i)) };
}

/** A checkpoint that must open. */
export async function openWhole(path: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** All values of a tensor of F32. */
export async function valuesOf(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const tensor = checkpoint.tensors.find((each) => each.name === name);
  assert.ok(tensor, `${name} is not among ${checkpoint.tensors.map((each) => each.name).join(', ')}`);
  assert.equal(tensor.span.dtype, 'F32', name);
  const read = await readSpan(tensor.span);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return new Float32Array(read.value.buffer, read.value.byteOffset, tensor.span.count);
}
