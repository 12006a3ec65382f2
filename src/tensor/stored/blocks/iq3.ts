import { halfAt, wordAt, type BlockFormat } from './block-format';
import { codebook, EVEN_SIGNS, signed } from './codebook';
import { IQ3_S, IQ3_XXS } from './grids';

/** Unpacked when first needed. */
export const IQ3_BOOKS = {
  xxs: codebook(IQ3_XXS, 3, [4, 12, 20, 28, 36, 44, 52, 62]),
  s: codebook(IQ3_S, 3, [1, 3, 5, 7, 9, 11, 13, 15]),
};

/** Vectors of four out of 256, with signs of every eight; a scale of four bits for every 32: θ = d · (½ + s) / 2 · g. */
export const iq3_xxs: BlockFormat = {
  elements: 256,
  bytes: 98,
  wide: [
    [0, 2, 1],
    [66, 4, 8],
  ],
  dequantise(blocks, count, values) {
    const book = IQ3_BOOKS.xxs();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 98) {
      const scale = halfAt(blocks, at);
      for (let part = 0; part < 32; part++, to += 8) {
        const rest = wordAt(blocks, at + 66 + 4 * (part >> 2));
        const own = Math.fround(scale * (0.5 + (rest >>> 28))) * 0.5;
        const signs = EVEN_SIGNS[(rest >> (7 * (part & 3))) & 127] as number;
        const codes = at + 2 + 2 * part;
        signed(book, 4 * (blocks[codes] as number), 4, own, signs, values, to);
        signed(book, 4 * (blocks[codes + 1] as number), 4, own, signs >> 4, values, to + 4);
      }
    }
  },
};

/** Vectors of four out of 512, with all signs; a scale of four bits for every 32: θ = d · (1 + 2s) · g. */
export const iq3_s: BlockFormat = {
  elements: 256,
  bytes: 110,
  wide: [[0, 2, 1]],
  dequantise(blocks, count, values) {
    const book = IQ3_BOOKS.s();
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 110) {
      const scale = halfAt(blocks, at);
      for (let part = 0; part < 32; part++, to += 8) {
        const group = part >> 2;
        const packed = ((blocks[at + 106 + (group >> 1)] as number) >> (4 * (group & 1))) & 15;
        const own = Math.fround(scale * (1 + 2 * packed));
        const upper = (blocks[at + 66 + group] as number) >> (2 * (part & 3));
        const signs = blocks[at + 74 + part] as number;
        const codes = at + 2 + 2 * part;
        const [first, second] = [blocks[codes] as number, blocks[codes + 1] as number];
        signed(book, 4 * (first | ((upper & 1) << 8)), 4, own, signs, values, to);
        signed(book, 4 * (second | ((upper & 2) << 7)), 4, own, signs >> 4, values, to + 4);
      }
    }
  },
};
