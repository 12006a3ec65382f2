import { halfAt, signedAt, wordAt, type BlockFormat } from './block-format';

const HALF = 16;

/** Four bits each, the first half of the elements in the lower ones: θ = (q − 8) · d. */
export const q4_0: BlockFormat = {
  elements: 32,
  bytes: 18,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 32) {
      const scale = halfAt(blocks, at);
      for (let i = 0; i < HALF; i++) {
        const codes = blocks[at + 2 + i] as number;
        values[to + i] = ((codes & 15) - 8) * scale;
        values[to + HALF + i] = ((codes >> 4) - 8) * scale;
      }
    }
  },
};

/** Four bits each and a least value: θ = q · d + m. */
export const q4_1: BlockFormat = {
  elements: 32,
  bytes: 20,
  wide: [[0, 2, 2]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 20, to += 32) {
      const [scale, least] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
      for (let i = 0; i < HALF; i++) {
        const codes = blocks[at + 4 + i] as number;
        values[to + i] = Math.fround((codes & 15) * scale) + least;
        values[to + HALF + i] = Math.fround((codes >> 4) * scale) + least;
      }
    }
  },
};

/** Four bits each as Q4_0, the fifth bits of all 32 in a word: θ = (q − 16) · d. */
export const q5_0: BlockFormat = {
  elements: 32,
  bytes: 22,
  wide: [
    [0, 2, 1],
    [2, 4, 1],
  ],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 22, to += 32) {
      const scale = halfAt(blocks, at);
      const high = wordAt(blocks, at + 2);
      for (let i = 0; i < HALF; i++) {
        const codes = blocks[at + 6 + i] as number;
        values[to + i] = (((codes & 15) | (((high >> i) & 1) << 4)) - 16) * scale;
        values[to + HALF + i] = (((codes >> 4) | (((high >> (i + HALF)) & 1) << 4)) - 16) * scale;
      }
    }
  },
};

/** Five bits each as Q5_0, and a least value: θ = q · d + m. */
export const q5_1: BlockFormat = {
  elements: 32,
  bytes: 24,
  wide: [
    [0, 2, 2],
    [4, 4, 1],
  ],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 24, to += 32) {
      const [scale, least] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
      const high = wordAt(blocks, at + 4);
      for (let i = 0; i < HALF; i++) {
        const codes = blocks[at + 8 + i] as number;
        const [low, up] = [
          (codes & 15) | (((high >> i) & 1) << 4),
          (codes >> 4) | (((high >> (i + HALF)) & 1) << 4),
        ];
        values[to + i] = Math.fround(low * scale) + least;
        values[to + HALF + i] = Math.fround(up * scale) + least;
      }
    }
  },
};

/** Eight bits each: θ = q · d. */
export const q8_0 = eightBits(34, 2);

/** As Q8_0, with the sum of the block behind the scale. Used for activations only. */
export const q8_1 = eightBits(36, 4);

function eightBits(bytes: number, front: number): BlockFormat {
  return {
    elements: 32,
    bytes,
    wide: [[0, 2, front / 2]],
    dequantise(blocks, count, values) {
      for (let block = 0, at = 0, to = 0; block < count; block++, at += bytes, to += 32) {
        const scale = halfAt(blocks, at);
        for (let i = 0; i < 32; i++) values[to + i] = signedAt(blocks, at + front + i) * scale;
      }
    },
  };
}

/** One bit each: θ = d where it is set, else −d. */
export const q1_0: BlockFormat = {
  elements: 128,
  bytes: 18,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 128) {
      const scale = halfAt(blocks, at);
      for (let i = 0; i < 128; i++) {
        const isSet = ((blocks[at + 2 + (i >> 3)] as number) >> (i & 7)) & 1;
        values[to + i] = isSet === 1 ? scale : -scale;
      }
    }
  },
};

/** Two bits each: θ = (q − 1) · d. */
export const q2_0: BlockFormat = {
  elements: 64,
  bytes: 18,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 64) {
      const scale = halfAt(blocks, at);
      for (let i = 0; i < 64; i++) {
        const code = ((blocks[at + 2 + (i >> 2)] as number) >> (2 * (i & 3))) & 3;
        values[to + i] = (code - 1) * scale;
      }
    }
  },
};
