// Codes with a scale (and zero) for every run of them to float32, in vector instructions: (code − zero) · scale + shift, as
// `src/tensor/stored/scaled.ts` computes it in float64, rounded once. Where scale and zero are float32 and the difference is exact,
// which is nearly always, the product of float32 is the same number.
export { F8_E4M3, F8_E5M2, I8, U8 } from './bytes';
export { F4, lookUp } from './halves';
export { fourOf, fours } from './words';
