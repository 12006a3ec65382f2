import { halfAt, shortAt, type BlockFormat } from './block-format';

/** Sixteen values that are denser around zero. */
const VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** Four bits each that choose one of sixteen values: θ = d · v(q). */
export const iq4_nl: BlockFormat = {
  elements: 32,
  bytes: 18,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 32) {
      chosen(blocks, at + 2, halfAt(blocks, at), values, to);
    }
  },
};

/** As IQ4_NL with a scale of six bits for every 32: θ = d · (s − 32) · v(q). */
export const iq4_xs: BlockFormat = {
  elements: 256,
  bytes: 136,
  wide: [[0, 2, 2]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 136) {
      const scale = halfAt(blocks, at);
      const upper = shortAt(blocks, at + 2);
      for (let group = 0; group < 8; group++, to += 32) {
        const low = ((blocks[at + 4 + (group >> 1)] as number) >> (4 * (group & 1))) & 15;
        const own = low | (((upper >> (2 * group)) & 3) << 4);
        chosen(blocks, at + 8 + 16 * group, Math.fround(scale * (own - 32)), values, to);
      }
    }
  },
};

function chosen(blocks: Uint8Array, codes: number, scale: number, values: Float32Array, to: number): void {
  for (let i = 0; i < 16; i++) {
    const both = blocks[codes + i] as number;
    values[to + i] = scale * (VALUES[both & 15] as number);
    values[to + 16 + i] = scale * (VALUES[both >> 4] as number);
  }
}
