import { valuesOf } from '../../small-floats';

/**
 * One way of packing elements into blocks, as ggml lays them out: every block has `elements` elements in `bytes` bytes. The
 * layouts are those of the structs in ggml's `ggml-common.h`, the arithmetic is that of `dequantize_row_*` in `ggml-quants.c`
 * (https://github.com/ggml-org/ggml), all of it in float32 and in the same order, so that values come out bit for bit the same.
 */
export interface BlockFormat {
  readonly elements: number;
  readonly bytes: number;
  /**
   * Numbers of a block that are wider than a byte, whose bytes stand in reverse order in a big-endian file: place, size, and
   * how many follow each other.
   */
  readonly wide: readonly (readonly [place: number, size: number, count: number])[];
  /** Writes the values of the first `count` blocks, little-endian, to the front of `values`. */
  dequantise(blocks: Uint8Array, count: number, values: Float32Array): void;
}

/** The half-precision number in the two bytes at `place`. */
export function halfAt(bytes: Uint8Array, place: number): number {
  return halfFrom(shortAt(bytes, place));
}

let halves: Float32Array | undefined;

/** The value of the half-precision code. */
export function halfFrom(code: number): number {
  // Made when first needed: most processes never read a block.
  halves ??= valuesOf('F16');
  return halves[code] as number;
}

/** The unsigned number in the two bytes at `place`, little-endian. */
export function shortAt(bytes: Uint8Array, place: number): number {
  return (bytes[place] as number) | ((bytes[place + 1] as number) << 8);
}

/** The 32 bits in the four bytes at `place`, little-endian; as a signed number. */
export function wordAt(bytes: Uint8Array, place: number): number {
  return shortAt(bytes, place) | (shortAt(bytes, place + 2) << 16);
}

/** The signed number in one byte. */
export function signedAt(bytes: Uint8Array, place: number): number {
  return ((bytes[place] as number) << 24) >> 24;
}
