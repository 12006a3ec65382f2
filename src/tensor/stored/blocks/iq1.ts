import { halfAt, halfFrom, shortAt, type BlockFormat } from './block-format';
import { codebook } from './codebook';
import { IQ1 } from './grids';

/** Unpacked when first needed. */
export const IQ1_BOOK = codebook(IQ1, 2, [-1, 0, 1]);

/** So much is added to, or taken from, every entry of a vector. */
const SHIFT = 0.125;

/** Vectors of eight out of 2048; scale (three bits) and sign of the shift for every 32: θ = d · (2s + 1) · (g ± ⅛). */
export const iq1_s: BlockFormat = {
  elements: 256,
  bytes: 50,
  wide: [
    [0, 2, 1],
    [34, 2, 8],
  ],
  dequantise(blocks, count, values) {
    const book = IQ1_BOOK();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 50) {
      const scale = halfAt(blocks, at);
      for (let part = 0; part < 32; part++, to += 8) {
        const upper = shortAt(blocks, at + 34 + 2 * (part >> 2));
        const own = Math.fround(scale * (2 * ((upper >> 12) & 7) + 1));
        const vector = (blocks[at + 2 + part] as number) | (((upper >> (3 * (part & 3))) & 7) << 8);
        shifted(book, vector, own, (upper & 0x8000) !== 0, values, to);
      }
    }
  },
};

/** As IQ1_S with a scale for every 16 and a shift for every eight. The scale of the block is spread over the upper bits of theirs. */
export const iq1_m: BlockFormat = {
  elements: 256,
  bytes: 56,
  wide: [[48, 2, 4]],
  dequantise(blocks, count, values) {
    const book = IQ1_BOOK();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 56) {
      const scale = halfFrom(scatteredCode(blocks, at + 48));
      for (let part = 0; part < 32; part++, to += 8) {
        const group = part >> 1;
        const packed = shortAt(blocks, at + 48 + 2 * (group >> 2)) >> (3 * (group & 3));
        const own = Math.fround(scale * (2 * (packed & 7) + 1));
        const upper = (blocks[at + 32 + group] as number) >> (4 * (part & 1));
        const vector = (blocks[at + part] as number) | ((upper & 7) << 8);
        shifted(book, vector, own, (upper & 8) !== 0, values, to);
      }
    }
  },
};

function shifted(
  book: Float32Array,
  vector: number,
  scale: number,
  down: boolean,
  values: Float32Array,
  to: number,
): void {
  const shift = down ? -SHIFT : SHIFT;
  for (let i = 0; i < 8; i++) values[to + i] = scale * ((book[8 * vector + i] as number) + shift);
}

/** A half-precision code whose four parts are the upper four bits of four numbers. */
function scatteredCode(blocks: Uint8Array, at: number): number {
  let code = 0;
  for (let part = 0; part < 4; part++) code |= (shortAt(blocks, at + 2 * part) >> 12) << (4 * part);
  return code;
}
