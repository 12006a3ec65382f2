import { Buffer } from 'node:buffer';

/** The vectors of a codebook, one after the other, unpacked when first asked for. */
export type Codebook = () => Float32Array;

/**
 * The codebook of `packed`, which (in base64) has an index into `values` for each entry, `bits` bits wide, from the lowest bit of each byte up.
 */
export function codebook(packed: string, bits: number, values: readonly number[]): Codebook {
  let entries: Float32Array | undefined;
  return () => (entries ??= unpacked(packed, bits, values));
}

function unpacked(packed: string, bits: number, values: readonly number[]): Float32Array {
  const bytes = Buffer.from(packed, 'base64');
  const entries = new Float32Array(Math.floor((8 * bytes.length) / bits));
  for (let entry = 0, bit = 0; entry < entries.length; entry++, bit += bits) {
    const at = bit >> 3;
    const two = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    entries[entry] = values[(two >> (bit & 7)) & ((1 << bits) - 1)] ?? 0;
  }
  return entries;
}

/** The signs of eight elements, a bit each, by the seven that are stored: the eighth makes their number even. */
export const EVEN_SIGNS = new Uint8Array(128).map((_, seven) => {
  let odd = 0;
  for (let rest = seven; rest > 0; rest >>= 1) odd ^= rest & 1;
  return seven | (odd << 7);
});

/** Writes `length` entries of a codebook from `vector` on, scaled, negative where the bit of `signs` is set. */
export function signed(
  book: Float32Array,
  vector: number,
  length: number,
  scale: number,
  signs: number,
  values: Float32Array,
  to: number,
): void {
  for (let i = 0; i < length; i++) {
    const value = Math.fround(scale * (book[vector + i] as number));
    values[to + i] = ((signs >> i) & 1) === 1 ? -value : value;
  }
}
