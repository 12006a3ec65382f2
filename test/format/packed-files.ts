// Quantised weights built by the test, value by value and bit by bit, without anything of src; and opened.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { OpenFiles } from '../../src/tensor/open-files';
import { safetensorsFile, type HeaderEntry } from './files';

export interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Writes `model.safetensors` (and `config.json` where given) into a new folder below `root`; the folder. */
export function writeModel(
  root: string,
  name: string,
  tensors: Readonly<Record<string, Stored>>,
  quantization?: object,
): string {
  const folder = paths.join(root, name);
  fs.mkdirSync(folder, { recursive: true });
  const header: Record<string, HeaderEntry> = {};
  let offset = 0;
  for (const [each, { dtype, shape, data }] of Object.entries(tensors)) {
    header[each] = { dtype, shape: [...shape], data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  const data = Buffer.concat(Object.values(tensors).map((each) => each.data));
  // Padded to a multiple of eight, as the library does.
  const text = JSON.stringify(header);
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  fs.writeFileSync(paths.join(folder, 'model.safetensors'), safetensorsFile(padded, data));
  if (quantization)
    fs.writeFileSync(
      paths.join(folder, 'config.json'),
      JSON.stringify({ model_type: 'llama', quantization_config: quantization }),
    );
  return folder;
}

export function f32(shape: readonly number[], values: Iterable<number>): Stored {
  return { dtype: 'F32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

export function i32(shape: readonly number[], values: Iterable<number>): Stored {
  return { dtype: 'I32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}

export function i64(shape: readonly number[], values: readonly number[]): Stored {
  return { dtype: 'I64', shape, data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) };
}

export function bytes(dtype: string, shape: readonly number[], values: Iterable<number>): Stored {
  return { dtype, shape, data: Uint8Array.from(values, (value) => value & 255) };
}

/** Numbers of `bits` bits one after the other, lowest bit first, as 32-bit words: bit by bit. */
export function bitStream(values: readonly number[], bits: number): number[] {
  const words = new Array<number>(Math.ceil((values.length * bits) / 32)).fill(0);
  values.forEach((value, index) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = index * bits + bit;
      if ((value >> bit) & 1) words[at >> 5] = (words[at >> 5] ?? 0) | (1 << (at & 31));
    }
  });
  return words;
}

/** A sequence of whole numbers below `below` that is the same every time. */
export function sequence(count: number, below: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  });
}

/** E4M3 from its definition: sign, 4 bits of exponent with bias 7, 3 of mantissa. */
export function e4m3(code: number): number {
  const sign = code & 128 ? -1 : 1;
  const exponent = (code >> 3) & 15;
  const mantissa = code & 7;
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return exponent === 0 ? (sign * mantissa) / 512 : sign * (1 + mantissa / 8) * 2 ** (exponent - 7);
}

/** E2M1: the sixteen values of the OCP specification. */
export const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** A model that must open. */
export async function openModel(folder: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** Shape and values of a weight that is F32, after checking that any part reads as that part of the whole. */
export async function valuesOf(
  checkpoint: Checkpoint,
  name: string,
): Promise<{ shape: readonly number[]; values: number[] }> {
  const span = checkpoint.tensors.find((entry) => entry.name === name)?.span;
  assert.ok(span, `${name} is not there, only ${checkpoint.tensors.map((entry) => entry.name).join(', ')}`);
  assert.equal(span.dtype, 'F32');
  const read = await readSpan(span);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  const whole = [...new Float32Array(read.value.buffer, read.value.byteOffset, span.count)];
  // Any part reads as that part of the whole.
  const files = new OpenFiles();
  for (const [from, length] of [
    [3, 7],
    [span.bytes - 5, 5],
    [Math.floor(span.bytes / 2) + 1, 16],
  ] as const) {
    if (from < 0 || from + length > span.bytes) continue;
    const part = new Uint8Array(length);
    assert.equal(files.read(span, from, part), null);
    assert.deepEqual(part, new Uint8Array(read.value.subarray(from, from + length)));
  }
  files.close();
  return { shape: span.shape, values: whole };
}

/** Names of all tensors. */
export function namesOf({ tensors }: Checkpoint): string[] {
  return tensors.map(({ name }) => name);
}

/** Equal but for the rounding of two float32 products. */
export function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  found.forEach((value, index) => {
    const other = expected[index] ?? Number.NaN;
    assert.ok(
      Math.abs(value - other) <= 2.4e-7 * Math.abs(other),
      `${String(index)}: ${String(value)}, not ${String(other)}`,
    );
  });
}

/** An element, NaN where there is none. */
export const at = (list: readonly number[], index: number): number => list[index] ?? Number.NaN;
