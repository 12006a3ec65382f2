import type { BlockFormat } from './block-format';

/** Twice the values of E2M1 (OCP Microscaling Formats 1.0, https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf). */
const DOUBLED = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** E2M1 with a power of two for every 32 (E8M0). ggml multiplies doubled values by half of the scale. */
export const mxfp4: BlockFormat = {
  elements: 32,
  bytes: 17,
  wide: [],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 17, to += 32) {
      const half = 2 ** ((blocks[at] as number) - 128);
      for (let i = 0; i < 16; i++) {
        const codes = blocks[at + 1 + i] as number;
        values[to + i] = (DOUBLED[codes & 15] as number) * half;
        values[to + 16 + i] = (DOUBLED[codes >> 4] as number) * half;
      }
    }
  },
};

/** E2M1 with a scale of E4M3, without sign, for every 16. */
export const nvfp4: BlockFormat = {
  elements: 64,
  bytes: 36,
  wide: [],
  dequantise(blocks, count, values) {
    for (let block = 0, at = 0, to = 0; block < count; block++, at += 36) {
      for (let group = 0; group < 4; group++, to += 16) {
        const half = halfOfE4M3(blocks[at + group] as number);
        for (let i = 0; i < 8; i++) {
          const codes = blocks[at + 4 + 8 * group + i] as number;
          values[to + i] = (DOUBLED[codes & 15] as number) * half;
          values[to + 8 + i] = (DOUBLED[codes >> 4] as number) * half;
        }
      }
    }
  },
};

/** Half of the value; 0 for the code that stands for NaN, as ggml has it. */
function halfOfE4M3(code: number): number {
  const [exponent, fraction] = [(code >> 3) & 15, code & 7];
  if (code === 0x7f) return 0;
  return exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11);
}
