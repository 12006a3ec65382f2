import { halfAt, type BlockFormat } from './block-format';

/**
 * Five elements of −1, 0, 1 in a byte, as digits of a fraction in base 3: multiplied by 3ⁿ (modulo 256) the byte has the digit
 * in front, which is three times it over 256. The last four bytes hold four each. θ = (digit − 1) · d.
 */
export const tq1_0: BlockFormat = {
  elements: 256,
  bytes: 54,
  wide: [[52, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 54) {
      const scale = halfAt(blocks, at + 52);
      const digits = (from: number, length: number, power: number) => {
        for (let i = 0; i < length; i++) {
          const shifted = ((blocks[from + i] as number) * power) & 255;
          values[to++] = (((shifted * 3) >> 8) - 1) * scale;
        }
      };
      for (let n = 0; n < 5; n++) digits(at, 32, POWERS[n] as number);
      for (let n = 0; n < 5; n++) digits(at + 32, 16, POWERS[n] as number);
      for (let n = 0; n < 4; n++) digits(at + 48, 4, POWERS[n] as number);
    }
  },
};

const POWERS = [1, 3, 9, 27, 81];

/** Two bits each, four times 32 elements over each other: θ = (q − 1) · d. */
export const tq2_0: BlockFormat = {
  elements: 256,
  bytes: 66,
  wide: [[64, 2, 1]],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 66) {
      const scale = halfAt(blocks, at + 64);
      for (let group = 0; group < 8; group++, to += 32) {
        const codes = at + 32 * (group >> 2);
        const shift = 2 * (group & 3);
        for (let i = 0; i < 32; i++) {
          values[to + i] = ((((blocks[codes + i] as number) >> shift) & 3) - 1) * scale;
        }
      }
    }
  },
};
