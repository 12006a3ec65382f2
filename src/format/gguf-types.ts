import type { DtypeName } from '../tensor/dtype';
import type { BlockName } from '../tensor/stored/blocks/registry';

/** What a `ggml_type` is: elements as they are, or blocks. */
export type GgmlType =
  | { readonly kind: 'plain'; readonly dtype: DtypeName }
  | { readonly kind: 'blocks'; readonly format: BlockName };

const plain = (dtype: DtypeName): GgmlType => ({ kind: 'plain', dtype });
const blocks = (format: BlockName): GgmlType => ({ kind: 'blocks', format });

/** By number, as in `enum ggml_type` (https://github.com/ggml-org/ggml, include/ggml.h). What is missing was removed. */
const TYPES: Readonly<Record<number, GgmlType>> = {
  0: plain('F32'),
  1: plain('F16'),
  2: blocks('Q4_0'),
  3: blocks('Q4_1'),
  6: blocks('Q5_0'),
  7: blocks('Q5_1'),
  8: blocks('Q8_0'),
  9: blocks('Q8_1'),
  10: blocks('Q2_K'),
  11: blocks('Q3_K'),
  12: blocks('Q4_K'),
  13: blocks('Q5_K'),
  14: blocks('Q6_K'),
  15: blocks('Q8_K'),
  16: blocks('IQ2_XXS'),
  17: blocks('IQ2_XS'),
  18: blocks('IQ3_XXS'),
  19: blocks('IQ1_S'),
  20: blocks('IQ4_NL'),
  21: blocks('IQ3_S'),
  22: blocks('IQ2_S'),
  23: blocks('IQ4_XS'),
  24: plain('I8'),
  25: plain('I16'),
  26: plain('I32'),
  27: plain('I64'),
  28: plain('F64'),
  29: blocks('IQ1_M'),
  30: plain('BF16'),
  34: blocks('TQ1_0'),
  35: blocks('TQ2_0'),
  39: blocks('MXFP4'),
  40: blocks('NVFP4'),
  41: blocks('Q1_0'),
  42: blocks('Q2_0'),
};

/** The type of a number; `undefined` where it is unknown. */
export function ggmlType(number: number): GgmlType | undefined {
  return TYPES[number];
}

/** Numbers that had a meaning once, for messages. */
const REMOVED: Readonly<Record<number, string>> = {
  4: 'Q4_2',
  5: 'Q4_3',
  31: 'Q4_0_4_4',
  32: 'Q4_0_4_8',
  33: 'Q4_0_8_8',
  36: 'IQ4_NL_4_4',
  37: 'IQ4_NL_4_8',
  38: 'IQ4_NL_8_8',
};

/** `31 (Q4_0_4_4, no longer in use)`, `142`. */
export function unknownTypeText(number: number): string {
  const name = REMOVED[number];
  return name === undefined ? String(number) : `${String(number)} (${name}, no longer in use)`;
}
