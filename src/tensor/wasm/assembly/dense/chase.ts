// From an upper band matrix to a bidiagonal one by reflections that chase the bulge down the band (Lang 1996; Haidar,
// Ltaief, Luszczek, Dongarra 2012). Singular values stay as they are.
import { addMultiple, inner } from './vectors';
import { reflector } from './reflectors';

/**
 * Takes rows `first … end − 1` to bidiagonal form. Entry (i, j) of the band is at `band + 8·(i·stride + j)`, with room
 * for `width` entries left of the diagonal and `2·width` right of it. `v` has room for `width` doubles, `w` for three times as many.
 */
export function chaseRows(
  band: usize,
  n: i32,
  width: i32,
  stride: i32,
  first: i32,
  end: i32,
  v: usize,
  w: usize,
): void {
  const rowBytes = (<usize>stride) << 3;
  for (let sweep = first; sweep < end; sweep++) {
    let row = sweep;
    let block = sweep + 1;
    while (block < n) {
      const size = min(width, n - block);
      if (size < 2) break;
      clearRow(band, rowBytes, row, block, size, min(block + size, n), v);
      clearColumn(band, rowBytes, block, size, min(block + size + width, n), v, w);
      row = block;
      block += width;
    }
  }
}

/** Clears row `row` right of column `block`, and reflects the same columns of the rows below it up to `endRow`. */
function clearRow(
  band: usize,
  rowBytes: usize,
  row: i32,
  block: i32,
  size: i32,
  endRow: i32,
  v: usize,
): void {
  const bytes = (<usize>size) << 3;
  let at = band + <usize>row * rowBytes + ((<usize>block) << 3);
  memory.copy(v, at, bytes);
  memory.fill(at, 0, bytes);
  const tau = reflector(v, size, at);
  if (tau == 0) return;
  for (let i = row + 1; i < endRow; i++) {
    at += rowBytes;
    addMultiple(-tau * inner(v, at, size), v, at, size);
  }
}

/** Clears column `block` below the diagonal, and reflects the same rows of the columns right of it up to `endColumn`. */
function clearColumn(
  band: usize,
  rowBytes: usize,
  block: i32,
  size: i32,
  endColumn: i32,
  v: usize,
  w: usize,
): void {
  const corner = band + <usize>block * rowBytes + ((<usize>block) << 3);
  for (let i = 0; i < size; i++) {
    const place = corner + <usize>i * rowBytes;
    store<f64>(v + ((<usize>i) << 3), load<f64>(place));
    store<f64>(place, 0);
  }
  const tau = reflector(v, size, corner);
  if (tau == 0) return;
  const count = endColumn - block - 1;
  const bytes = (<usize>count) << 3;
  memory.fill(w, 0, bytes);
  for (let i = 0; i < size; i++) {
    addMultiple(load<f64>(v + ((<usize>i) << 3)), corner + <usize>i * rowBytes + 8, w, count);
  }
  for (let i = 0; i < size; i++) {
    addMultiple(-tau * load<f64>(v + ((<usize>i) << 3)), w, corner + <usize>i * rowBytes + 8, count);
  }
}
