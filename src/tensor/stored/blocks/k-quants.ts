import { halfAt, signedAt, wordAt, type BlockFormat } from './block-format';

/** Blocks of all k-quants have so many elements. */
const ELEMENTS = 256;

/** Two bits each; scale and least value of every 16 in four bits each: θ = d·s·q − m·t. */
export const q2_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 84,
  wide: [[80, 2, 2]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 84) {
      const [scale, least] = [halfAt(blocks, at + 80), halfAt(blocks, at + 82)];
      for (let group = 0; group < 16; group++, to += 16) {
        const packed = blocks[at + group] as number;
        const own = Math.fround(scale * (packed & 15));
        const ownLeast = Math.fround(least * (packed >> 4));
        const codes = at + 16 + 32 * (group >> 3) + 16 * (group & 1);
        const shift = group & 6;
        for (let i = 0; i < 16; i++) {
          values[to + i] = Math.fround(own * (((blocks[codes + i] as number) >> shift) & 3)) - ownLeast;
        }
      }
    }
  },
};

/** Three bits each, the highest in a mask of its own; scales of every 16 in six bits: θ = d·(s − 32)·(q − 4). */
export const q3_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 110,
  wide: [[108, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 110) {
      const scale = halfAt(blocks, at + 108);
      for (let group = 0; group < 16; group++, to += 16) {
        const own = Math.fround(scale * (sixBitScale(blocks, at + 96, group) - 32));
        const codes = at + 32 + 32 * (group >> 3) + 16 * (group & 1);
        const masks = at + 16 * (group & 1);
        const [shift, bit] = [group & 6, group >> 1];
        for (let i = 0; i < 16; i++) {
          const low = ((blocks[codes + i] as number) >> shift) & 3;
          const high = ((blocks[masks + i] as number) >> bit) & 1;
          values[to + i] = own * (low + 4 * high - 4);
        }
      }
    }
  },
};

/** Sixteen numbers of six bits in twelve bytes: lower four bits in the first eight, the others in the last four. */
function sixBitScale(blocks: Uint8Array, at: number, group: number): number {
  const low = ((blocks[at + (group & 7)] as number) >> (4 * (group >> 3))) & 15;
  const high = ((blocks[at + 8 + (group & 3)] as number) >> (2 * (group >> 2))) & 3;
  return low | (high << 4);
}

/** Four bits each; scale and least value of every 32 in six bits each: θ = d·s·q − m·t. */
export const q4_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 144,
  wide: [[0, 2, 2]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 144) {
      const [scale, least] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
      for (let pair = 0; pair < 4; pair++, to += 64) {
        const codes = at + 16 + 32 * pair;
        const [first, second] = [
          packedScales(blocks, at + 4, 2 * pair),
          packedScales(blocks, at + 4, 2 * pair + 1),
        ];
        const low = Math.fround(scale * (first & 63));
        const lowLeast = Math.fround(least * (first >> 6));
        const high = Math.fround(scale * (second & 63));
        const highLeast = Math.fround(least * (second >> 6));
        for (let i = 0; i < 32; i++) {
          const both = blocks[codes + i] as number;
          values[to + i] = Math.fround(low * (both & 15)) - lowLeast;
          values[to + 32 + i] = Math.fround(high * (both >> 4)) - highLeast;
        }
      }
    }
  },
};

/** As Q4_K, with the fifth bits apart. */
export const q5_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 176,
  wide: [[0, 2, 2]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 176) {
      const [scale, least] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
      for (let group = 0; group < 8; group++, to += 32) {
        const scales = packedScales(blocks, at + 4, group);
        const own = Math.fround(scale * (scales & 63));
        const ownLeast = Math.fround(least * (scales >> 6));
        const codes = at + 48 + 32 * (group >> 1);
        const shift = 4 * (group & 1);
        for (let i = 0; i < 32; i++) {
          const low = ((blocks[codes + i] as number) >> shift) & 15;
          const high = ((blocks[at + 16 + i] as number) >> group) & 1;
          values[to + i] = Math.fround(own * (low + 16 * high)) - ownLeast;
        }
      }
    }
  },
};

/**
 * Scale (lower six bits) and least value (the six above) of one of eight groups. The first four have theirs in the lower six
 * bits of the first and second four bytes; of the others these bytes hold the upper two bits, the last four the lower four.
 */
function packedScales(blocks: Uint8Array, at: number, group: number): number {
  const place = at + (group & 3);
  const [first, second] = [blocks[place] as number, blocks[place + 4] as number];
  if (group < 4) return (first & 63) | ((second & 63) << 6);
  const low = blocks[place + 8] as number;
  return (low & 15) | ((first >> 6) << 4) | ((low >> 4) << 6) | ((second >> 6) << 10);
}

/** Six bits each, the upper two apart; scales of every 16 in eight bits: θ = d·s·(q − 32). */
export const q6_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 210,
  wide: [[208, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 210) {
      const scale = halfAt(blocks, at + 208);
      for (let group = 0; group < 16; group++, to += 16) {
        const own = Math.fround(scale * signedAt(blocks, at + 192 + group));
        const [half, quarter, part] = [group >> 3, (group >> 1) & 3, 16 * (group & 1)];
        const low = at + 64 * half + 32 * (quarter & 1) + part;
        const high = at + 128 + 32 * half + part;
        const [lowShift, highShift] = [4 * (quarter >> 1), 2 * quarter];
        for (let i = 0; i < 16; i++) {
          const code =
            (((blocks[low + i] as number) >> lowShift) & 15) |
            ((((blocks[high + i] as number) >> highShift) & 3) << 4);
          values[to + i] = own * (code - 32);
        }
      }
    }
  },
};

const FLOAT_BITS = new Int32Array(1);
const FLOAT = new Float32Array(FLOAT_BITS.buffer);

/** Eight bits each and a scale in single precision, with sums of every 16 behind them. Used for activations only. */
export const q8_k: BlockFormat = {
  elements: ELEMENTS,
  bytes: 292,
  wide: [
    [0, 4, 1],
    [260, 2, 16],
  ],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 292, to += ELEMENTS) {
      FLOAT_BITS[0] = wordAt(blocks, at);
      const scale = FLOAT[0] as number;
      for (let i = 0; i < ELEMENTS; i++) values[to + i] = scale * signedAt(blocks, at + 4 + i);
    }
  },
};
