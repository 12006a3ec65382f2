import { halfAt, shortAt, wordAt, type BlockFormat } from './block-format';
import { codebook, EVEN_SIGNS, signed } from './codebook';
import { IQ2_S, IQ2_XS, IQ2_XXS } from './grids';

const VALUES = [8, 25, 43];
/** Unpacked when first needed. */
export const IQ2_BOOKS = {
  xxs: codebook(IQ2_XXS, 2, VALUES),
  xs: codebook(IQ2_XS, 2, VALUES),
  s: codebook(IQ2_S, 2, VALUES),
};

/** Vectors of eight out of 256, with signs; a scale of four bits for every 32: θ = d · (½ + s) / 4 · g. */
export const iq2_xxs: BlockFormat = {
  elements: 256,
  bytes: 66,
  // What quantises packs indices and signs into words. ggml's own reading takes the indices as bytes of the word, which on a
  // big-endian machine is not what was put in; words are what holds the values.
  wide: [
    [0, 2, 1],
    [2, 4, 16],
  ],
  dequantise(blocks, count, values) {
    const book = IQ2_BOOKS.xxs();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 66) {
      const scale = halfAt(blocks, at);
      for (let group = 0; group < 8; group++) {
        const codes = at + 2 + 8 * group;
        const rest = wordAt(blocks, codes + 4);
        const own = quarter(scale, rest >>> 28);
        for (let part = 0; part < 4; part++, to += 8) {
          const signs = EVEN_SIGNS[(rest >> (7 * part)) & 127] as number;
          signed(book, 8 * (blocks[codes + part] as number), 8, own, signs, values, to);
        }
      }
    }
  },
};

/** Vectors of eight out of 512, with signs; a scale of four bits for every 16. */
export const iq2_xs: BlockFormat = {
  elements: 256,
  bytes: 74,
  wide: [[0, 2, 33]],
  dequantise(blocks, count, values) {
    const book = IQ2_BOOKS.xs();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 74) {
      const scale = halfAt(blocks, at);
      for (let part = 0; part < 32; part++, to += 8) {
        const code = shortAt(blocks, at + 2 + 2 * part);
        const own = quarter(scale, groupScale(blocks, at + 66, part));
        const signs = EVEN_SIGNS[code >> 9] as number;
        signed(book, 8 * (code & 511), 8, own, signs, values, to);
      }
    }
  },
};

/** Vectors of eight out of 1024, with all signs; a scale of four bits for every 16. */
export const iq2_s: BlockFormat = {
  elements: 256,
  bytes: 82,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    const book = IQ2_BOOKS.s();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 82) {
      const scale = halfAt(blocks, at);
      for (let part = 0; part < 32; part++, to += 8) {
        const upper = ((blocks[at + 66 + (part >> 2)] as number) >> (2 * (part & 3))) & 3;
        const vector = (blocks[at + 2 + part] as number) | (upper << 8);
        const own = quarter(scale, groupScale(blocks, at + 74, part));
        signed(book, 8 * vector, 8, own, blocks[at + 34 + part] as number, values, to);
      }
    }
  },
};

/** The four bits for vectors 2n and 2n + 1 of a byte for four vectors. */
function groupScale(blocks: Uint8Array, scales: number, part: number): number {
  return ((blocks[scales + (part >> 2)] as number) >> (4 * ((part >> 1) & 1))) & 15;
}

function quarter(scale: number, own: number): number {
  return Math.fround(scale * (0.5 + own)) * 0.25;
}
