// Blocks of ggml's quantised types to float32 in vector instructions: the arithmetic of `src/tensor/stored/blocks`, four
// elements at a time, in the same order and without fused operations, so that values are the same bit for bit.
export { Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K } from './k-quants';
export { Q1_0, Q2_0, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, TQ1_0, TQ2_0 } from './scaled';
export { IQ4_NL, IQ4_XS, MXFP4, NVFP4 } from './chosen';
export { IQ1_M, IQ1_S, IQ2_S, IQ2_XS, IQ2_XXS, IQ3_S, IQ3_XXS } from './vectors';
