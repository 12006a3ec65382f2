import { F16 } from './elements';
import { CELL_ROW_BYTES, CELLS, PARTS, ROW_BYTES, ROWS } from './memory';
import { addRun, fused } from './short-runs';

// All inner products of rows that stand in memory as float32, three rows by three (group-runs.ts).

/** Where the sum of products of rows i and j stands. */
export function cellOf(i: i32, j: i32): usize {
  return CELLS + <usize>i * CELL_ROW_BYTES + 16 * <usize>j;
}

/** Where a row stands; row 0 is that of the base. */
export function rowOf(i: i32): usize {
  return ROWS + <usize>i * ROW_BYTES;
}

/**
 * Eights in the parts of a row that are summed by themselves and then together: five sums of 12 products are off by no more
 * than 16 roundings of a sum, as one of 16 products is.
 */
function partOf<T>(): i32 {
  return idof<T>() == idof<F16>() ? 3 : 6;
}

/** Adds the products of rows i, i + 1 and i + 2 with themselves and each other. */
export function addThree<T>(i: i32, eights: i32): void {
  const zero = f64x2.splat(0);
  let row = rowOf(i);
  clearPart(6);
  for (let left = eights; left > 0; left -= partOf<T>()) {
    const length = min(left, partOf<T>());
    let s00 = zero;
    let s01 = zero;
    let s02 = zero;
    let s11 = zero;
    let s12 = zero;
    let s22 = zero;
    for (let k = 0; k < length; k++) {
      const x0 = v128.load(row);
      const x1 = v128.load(row, ROW_BYTES);
      const x2 = v128.load(row, 2 * ROW_BYTES);
      s00 = fused(x0, x0, s00);
      s01 = fused(x0, x1, s01);
      s02 = fused(x0, x2, s02);
      s11 = fused(x1, x1, s11);
      s12 = fused(x1, x2, s12);
      s22 = fused(x2, x2, s22);
      const z0 = v128.load(row, 16);
      const z1 = v128.load(row, ROW_BYTES + 16);
      const z2 = v128.load(row, 2 * ROW_BYTES + 16);
      s00 = fused(z0, z0, s00);
      s01 = fused(z0, z1, s01);
      s02 = fused(z0, z2, s02);
      s11 = fused(z1, z1, s11);
      s12 = fused(z1, z2, s12);
      s22 = fused(z2, z2, s22);
      row += 32;
    }
    addToPart(0, s00);
    addToPart(1, s01);
    addToPart(2, s02);
    addToPart(3, s11);
    addToPart(4, s12);
    addToPart(5, s22);
  }
  keepPart(0, cellOf(i, i));
  keepPart(1, cellOf(i, i + 1));
  keepPart(2, cellOf(i, i + 2));
  keepPart(3, cellOf(i + 1, i + 1));
  keepPart(4, cellOf(i + 1, i + 2));
  keepPart(5, cellOf(i + 2, i + 2));
}

/** Adds the products of rows i, i + 1 and i + 2 with rows j, j + 1 and j + 2. */
export function addThreeByThree<T>(i: i32, j: i32, eights: i32): void {
  const zero = f64x2.splat(0);
  let row = rowOf(i);
  let other = rowOf(j);
  clearPart(9);
  for (let left = eights; left > 0; left -= partOf<T>()) {
    const length = min(left, partOf<T>());
    let s00 = zero;
    let s01 = zero;
    let s02 = zero;
    let s10 = zero;
    let s11 = zero;
    let s12 = zero;
    let s20 = zero;
    let s21 = zero;
    let s22 = zero;
    for (let k = 0; k < length; k++) {
      const y0 = v128.load(other);
      const y1 = v128.load(other, ROW_BYTES);
      const y2 = v128.load(other, 2 * ROW_BYTES);
      const x0 = v128.load(row);
      s00 = fused(x0, y0, s00);
      s01 = fused(x0, y1, s01);
      s02 = fused(x0, y2, s02);
      const x1 = v128.load(row, ROW_BYTES);
      s10 = fused(x1, y0, s10);
      s11 = fused(x1, y1, s11);
      s12 = fused(x1, y2, s12);
      const x2 = v128.load(row, 2 * ROW_BYTES);
      s20 = fused(x2, y0, s20);
      s21 = fused(x2, y1, s21);
      s22 = fused(x2, y2, s22);
      const w0 = v128.load(other, 16);
      const w1 = v128.load(other, ROW_BYTES + 16);
      const w2 = v128.load(other, 2 * ROW_BYTES + 16);
      const z0 = v128.load(row, 16);
      s00 = fused(z0, w0, s00);
      s01 = fused(z0, w1, s01);
      s02 = fused(z0, w2, s02);
      const z1 = v128.load(row, ROW_BYTES + 16);
      s10 = fused(z1, w0, s10);
      s11 = fused(z1, w1, s11);
      s12 = fused(z1, w2, s12);
      const z2 = v128.load(row, 2 * ROW_BYTES + 16);
      s20 = fused(z2, w0, s20);
      s21 = fused(z2, w1, s21);
      s22 = fused(z2, w2, s22);
      row += 32;
      other += 32;
    }
    addToPart(0, s00);
    addToPart(1, s01);
    addToPart(2, s02);
    addToPart(3, s10);
    addToPart(4, s11);
    addToPart(5, s12);
    addToPart(6, s20);
    addToPart(7, s21);
    addToPart(8, s22);
  }
  keepPart(0, cellOf(i, j));
  keepPart(1, cellOf(i, j + 1));
  keepPart(2, cellOf(i, j + 2));
  keepPart(3, cellOf(i + 1, j));
  keepPart(4, cellOf(i + 1, j + 1));
  keepPart(5, cellOf(i + 1, j + 2));
  keepPart(6, cellOf(i + 2, j));
  keepPart(7, cellOf(i + 2, j + 1));
  keepPart(8, cellOf(i + 2, j + 2));
}

/** Sums of the parts of a row, four lanes each. */
function part(n: i32): v128 {
  return v128.load(PARTS + 16 * <usize>n);
}

function clearPart(count: i32): void {
  memory.fill(PARTS, 0, 16 * <usize>count);
}

function addToPart(n: i32, sum: v128): void {
  v128.store(PARTS + 16 * <usize>n, f32x4.add(part(n), sum));
}

function keepPart(n: i32, cell: usize): void {
  v128.store(cell, addRun(v128.load(cell), part(n)));
}
