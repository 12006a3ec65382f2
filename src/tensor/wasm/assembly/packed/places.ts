// Where codes, runs and values stand in the memory of the kernels: as in packed-kernels.ts.

/** Packed codes. */
export const CODES: usize = 1024;

/** Runs of codes with one scale. */
export const RUNS: usize = 132_096;

/** Values of four bits, byte by byte. */
export const TABLE: usize = 263_168;

/** Values that come out. */
export const TARGET: usize = 264_192;

/** Words of packed numbers. */
export const WORDS: usize = 526_848;

/** Numbers of words, a byte each. */
export const BYTES: usize = 559_616;

/** A run: zero, scale and shift in float64, then the number of elements. */
export const RUN_BYTES: usize = 32;
