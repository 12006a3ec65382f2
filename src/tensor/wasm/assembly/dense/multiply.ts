// Products of float64 matrices, by blocks that are packed for the caches (Goto, van de Geijn 2008).
import { borderTile, INNER, LEFT_ROWS, leftPack, RIGHT_COLUMNS, rightPack } from './memory';

/** Rows and columns of the tile that is kept in registers. */
const TILE: i32 = 4;

/**
 * C += factor · A·B for A m × k, B k × n, C m × n with rows `cRow` doubles apart. Strides are in doubles: entry (i, j)
 * of A is at `a + 8·(i·aRow + j·aColumn)`, so that a transposed factor is a matter of strides.
 */
export function addProduct(
  m: i32,
  n: i32,
  k: i32,
  factor: f64,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bColumn: i32,
  c: usize,
  cRow: i32,
): void {
  for (let j = 0; j < n; j += RIGHT_COLUMNS) {
    const width = min(RIGHT_COLUMNS, n - j);
    for (let p = 0; p < k; p += INNER) {
      const depth = min(INNER, k - p);
      pack(b + at(p, j, bRow, bColumn), depth, width, bRow, bColumn, rightPack());
      for (let i = 0; i < m; i += LEFT_ROWS) {
        const height = min(LEFT_ROWS, m - i);
        packTwice(a + at(i, p, aRow, aColumn), depth, height, aColumn, aRow);
        addBlock(height, width, depth, factor, c + at(i, j, cRow, 1), cRow);
      }
    }
  }
}

function at(i: i32, j: i32, row: i32, column: i32): usize {
  return (<usize>i * <usize>row + <usize>j * <usize>column) << 3;
}

/**
 * Copies `depth × width` entries into strips of four across, zeros where there are fewer: what the innermost loop reads
 * in order.
 */
function pack(source: usize, depth: i32, width: i32, alongDepth: i32, alongWidth: i32, target: usize): void {
  const strip = (<usize>depth) << 5;
  const whole = width & ~3;
  const down = (<usize>alongDepth) << 3;
  const across = (<usize>alongWidth) << 3;
  if (alongWidth == 1) {
    let p = 0;
    for (; p + 3 < depth; p += 4) {
      let from = source + <usize>p * down;
      let to = target + ((<usize>p) << 5);
      for (let w = 0; w < whole; w += 4) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
        let next = from + down;
        v128.store(to, v128.load(next), 32);
        v128.store(to, v128.load(next, 16), 48);
        next += down;
        v128.store(to, v128.load(next), 64);
        v128.store(to, v128.load(next, 16), 80);
        next += down;
        v128.store(to, v128.load(next), 96);
        v128.store(to, v128.load(next, 16), 112);
        from += 32;
        to += strip;
      }
    }
    for (; p < depth; p++) {
      let from = source + <usize>p * down;
      let to = target + ((<usize>p) << 5);
      for (let w = 0; w < whole; w += 4) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
        from += 32;
        to += strip;
      }
    }
  } else {
    for (let w = 0; w < whole; w += 4) {
      let from = source + <usize>w * across;
      let to = target + <usize>(w >> 2) * strip;
      for (let p = 0; p < depth; p++) {
        store<f64>(to, load<f64>(from));
        store<f64>(to, load<f64>(from + across), 8);
        store<f64>(to, load<f64>(from + 2 * across), 16);
        store<f64>(to, load<f64>(from + 3 * across), 24);
        from += down;
        to += 32;
      }
    }
  }
  if (whole == width) return;
  let from = source + <usize>whole * across;
  let to = target + <usize>(whole >> 2) * strip;
  for (let p = 0; p < depth; p++) {
    for (let w = 0; w < TILE; w++) {
      store<f64>(to + ((<usize>w) << 3), whole + w < width ? load<f64>(from + <usize>w * across) : 0);
    }
    from += down;
    to += 32;
  }
}

/**
 * Copies the left factor's entries, each of them twice, into strips of four rows: loading a pair is cheaper than loading
 * one entry and spreading it.
 */
function packTwice(source: usize, depth: i32, height: i32, alongDepth: i32, alongHeight: i32): void {
  const down = (<usize>alongDepth) << 3;
  const across = (<usize>alongHeight) << 3;
  let to = leftPack();
  for (let h = 0; h < height; h += 4) {
    let from = source + <usize>h * across;
    // Rows that do not exist are read as the last one; what comes of them is dropped.
    const last = height - 1 - h;
    const second = <usize>min(1, last) * across;
    const third = <usize>min(2, last) * across;
    const fourth = <usize>min(3, last) * across;
    for (let p = 0; p < depth; p++) {
      v128.store(to, v128.load64_splat(from));
      v128.store(to, v128.load64_splat(from + second), 16);
      v128.store(to, v128.load64_splat(from + third), 32);
      v128.store(to, v128.load64_splat(from + fourth), 48);
      from += down;
      to += 64;
    }
  }
}

function addBlock(m: i32, n: i32, depth: i32, factor: f64, c: usize, cRow: i32): void {
  const strip = (<usize>depth) << 5;
  const rowBytes = (<usize>cRow) << 3;
  let right = rightPack();
  for (let j = 0; j < n; j += TILE) {
    let left = leftPack();
    for (let i = 0; i < m; i += TILE) {
      const place = c + <usize>i * rowBytes + ((<usize>j) << 3);
      if (i + TILE <= m && j + TILE <= n) {
        addTile(depth, factor, left, right, place, rowBytes);
      } else {
        memory.fill(borderTile(), 0, 128);
        addTile(depth, factor, left, right, borderTile(), 32);
        addBorder(min(TILE, m - i), min(TILE, n - j), place, rowBytes);
      }
      left += 2 * strip;
    }
    right += strip;
  }
}

function addBorder(rows: i32, columns: i32, c: usize, rowBytes: usize): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const place = c + <usize>i * rowBytes + ((<usize>j) << 3);
      store<f64>(place, load<f64>(place) + load<f64>(borderTile() + ((<usize>(4 * i + j)) << 3)));
    }
  }
}

/** Four rows times four columns, all sixteen sums in registers. */
function addTile(depth: i32, factor: f64, left: usize, right: usize, c: usize, rowBytes: usize): void {
  let s00 = f64x2.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  const end = right + ((<usize>depth) << 5);
  while (right < end) {
    const b0 = v128.load(right);
    const b1 = v128.load(right, 16);
    const a0 = v128.load(left);
    s00 = f64x2.add(s00, f64x2.mul(a0, b0));
    s01 = f64x2.add(s01, f64x2.mul(a0, b1));
    const a1 = v128.load(left, 16);
    s10 = f64x2.add(s10, f64x2.mul(a1, b0));
    s11 = f64x2.add(s11, f64x2.mul(a1, b1));
    const a2 = v128.load(left, 32);
    s20 = f64x2.add(s20, f64x2.mul(a2, b0));
    s21 = f64x2.add(s21, f64x2.mul(a2, b1));
    const a3 = v128.load(left, 48);
    s30 = f64x2.add(s30, f64x2.mul(a3, b0));
    s31 = f64x2.add(s31, f64x2.mul(a3, b1));
    left += 64;
    right += 32;
  }
  const scale = f64x2.splat(factor);
  addPair(c, scale, s00, s01);
  c += rowBytes;
  addPair(c, scale, s10, s11);
  c += rowBytes;
  addPair(c, scale, s20, s21);
  c += rowBytes;
  addPair(c, scale, s30, s31);
}

function addPair(c: usize, scale: v128, front: v128, back: v128): void {
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, front)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, back)), 16);
}
