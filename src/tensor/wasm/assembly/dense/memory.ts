// Where things lie in this module's memory. `dense-kernels.ts` knows where the buffers end: what comes after is for matrices.

/** Inner length of a block of products: four columns of it, 8 KiB, stay in the first-level cache. */
export const INNER: i32 = 240;
/** Rows of the left factor packed at a time (240 KiB as its entries are there twice; second-level cache), and columns of the right one. */
export const LEFT_ROWS: i32 = 64;
export const RIGHT_COLUMNS: i32 = 512;

/**
 * Where this instance's own buffers begin. Two instances that work in one memory, each in a thread of its own, have
 * buffers of their own (`shared-products.ts`).
 */
let buffers: usize = 0;

/** Puts this instance's buffers elsewhere. */
export function useBuffers(place: usize): void {
  buffers = place;
}

/** The result of a tile at the border, before the part that exists is added to the product. */
export function borderTile(): usize {
  return buffers + 1024;
}

export function leftPack(): usize {
  return buffers + 65536;
}

export function rightPack(): usize {
  return buffers + 393216;
}
