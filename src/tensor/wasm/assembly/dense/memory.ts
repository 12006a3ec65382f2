// Where things lie in this module's memory. `dense-kernels.ts` knows HEAP too: everything from there on is for matrices.

/** Inner length of a block of products: four columns of it, 8 KiB, stay in the first-level cache. */
export const INNER: i32 = 240;
/** Rows of the left factor packed at a time (240 KiB as its entries are there twice; second-level cache), and columns of the right one. */
export const LEFT_ROWS: i32 = 64;
export const RIGHT_COLUMNS: i32 = 512;

/** The result of a tile at the border, before the part that exists is added to the product. */
export const BORDER_TILE: usize = 1024;

export const LEFT_PACK: usize = 65536;
export const RIGHT_PACK: usize = 393216;
