// Files of ggml from before GGUF, number by number, without anything of src.
import { Buffer } from 'node:buffer';

/** Numbers of 32 bits. */
export function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

/** A tensor as it is written. */
export interface Tensor {
  readonly name: string;
  /** In the order of the file: the axis that varies fastest comes first. */
  readonly sizes: readonly number[];
  readonly type: number;
  readonly data: Buffer;
}

/** A tensor that begins at byte `at`, its values at a multiple of `alignment`. */
export function tensorBytes({ name, sizes, type, data }: Tensor, at = 0, alignment = 1): Buffer {
  const head = Buffer.concat([numbers(sizes.length, name.length, type, ...sizes), Buffer.from(name)]);
  const gap = (alignment - ((at + head.length) % alignment)) % alignment;
  return Buffer.concat([head, Buffer.alloc(gap), data]);
}

/** A model of whisper.cpp: magic, eleven sizes, a table of 1 × 2 filters, two words, tensors. */
export function whisperFile(tensors: readonly Tensor[]): Buffer {
  const word = (text: string) => Buffer.concat([numbers(text.length), Buffer.from(text)]);
  return Buffer.concat([
    Buffer.from('lmgg'),
    numbers(2, 10, 4, 1, 1, 8, 4, 1, 1, 1, 1),
    numbers(1, 2),
    Buffer.alloc(8),
    numbers(2),
    word('a'),
    word('bc'),
    ...tensors.map((tensor) => tensorBytes(tensor)),
  ]);
}

/** Float32 as bytes. */
export const floats = (...values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
/** A block of Q8_0: scale 0.5 as a half, then 32 signed bytes. */
const block = Buffer.from([0, 0x38, ...Array.from({ length: 32 }, (_, i) => (i - 16) & 255)]);
/** One tensor of F32 and one of Q8_0. */
export const TENSORS: readonly Tensor[] = [
  { name: 'encoder.conv1.bias', sizes: [2, 3], type: 0, data: floats(1, 2, 3, 4, 5, 6) },
  { name: 'decoder.weight', sizes: [32, 1], type: 8, data: block },
];
