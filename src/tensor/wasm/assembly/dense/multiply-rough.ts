// Products whose terms are summed in float32, a block of them at a time: twice as fast, good to six digits.
import { borderTile, INNER, LEFT_ROWS, leftPack, RIGHT_COLUMNS, rightPack } from './memory';

/**
 * As `addProduct` with an A of float32 (its strides in those), summed in float32 within a block of {@link INNER} terms.
 * Entries are to stay clear of where float32 ends.
 */
export function addRoughProduct(
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
      packEights(b + at(p, j, bRow, bColumn), depth, width, bRow, bColumn);
      for (let i = 0; i < m; i += LEFT_ROWS) {
        const height = min(LEFT_ROWS, m - i);
        packSpread(a + (at(i, p, aRow, aColumn) >> 1), depth, height, aColumn, aRow);
        addBlock(height, width, depth, factor, c + at(i, j, cRow, 1), cRow);
      }
    }
  }
}

function at(i: i32, j: i32, row: i32, column: i32): usize {
  return (<usize>i * <usize>row + <usize>j * <usize>column) << 3;
}

/** The right factor in strips of eight columns, zeros where there are fewer. */
function packEights(source: usize, depth: i32, width: i32, alongDepth: i32, alongWidth: i32): void {
  const down = (<usize>alongDepth) << 3;
  const across = (<usize>alongWidth) << 3;
  let to = rightPack();
  for (let w = 0; w < width; w += 8) {
    const own = min(8, width - w);
    let from = source + <usize>w * across;
    for (let p = 0; p < depth; p++) {
      if (own == 8 && alongWidth == 1) {
        v128.store(to, fourSingles(v128.load(from), v128.load(from, 16)));
        v128.store(to, fourSingles(v128.load(from, 32), v128.load(from, 48)), 16);
      } else {
        for (let s = 0; s < 8; s++) {
          store<f32>(to + ((<usize>s) << 2), s < own ? <f32>load<f64>(from + <usize>s * across) : 0);
        }
      }
      from += down;
      to += 32;
    }
  }
}

function fourSingles(front: v128, back: v128): v128 {
  return v128.shuffle<i32>(f32x4.demote_f64x2_zero(front), f32x4.demote_f64x2_zero(back), 0, 1, 4, 5);
}

/** The left factor in strips of four rows, every entry four times. */
function packSpread(source: usize, depth: i32, height: i32, alongDepth: i32, alongHeight: i32): void {
  const down = (<usize>alongDepth) << 2;
  const across = (<usize>alongHeight) << 2;
  let to = leftPack();
  for (let h = 0; h < height; h += 4) {
    let from = source + <usize>h * across;
    // Rows that do not exist are read as the last one; what comes of them is dropped.
    const last = height - 1 - h;
    const second = <usize>min(1, last) * across;
    const third = <usize>min(2, last) * across;
    const fourth = <usize>min(3, last) * across;
    for (let p = 0; p < depth; p++) {
      v128.store(to, v128.load32_splat(from));
      v128.store(to, v128.load32_splat(from + second), 16);
      v128.store(to, v128.load32_splat(from + third), 32);
      v128.store(to, v128.load32_splat(from + fourth), 48);
      from += down;
      to += 64;
    }
  }
}

function addBlock(m: i32, n: i32, depth: i32, factor: f64, c: usize, cRow: i32): void {
  const rowBytes = (<usize>cRow) << 3;
  let right = rightPack();
  for (let j = 0; j < n; j += 8) {
    let left = leftPack();
    for (let i = 0; i < m; i += 4) {
      const place = c + <usize>i * rowBytes + ((<usize>j) << 3);
      if (i + 4 <= m && j + 8 <= n) {
        addTile(depth, factor, left, right, place, rowBytes);
      } else {
        memory.fill(borderTile(), 0, 256);
        addTile(depth, factor, left, right, borderTile(), 64);
        addBorder(min(4, m - i), min(8, n - j), place, rowBytes);
      }
      left += (<usize>depth) << 6;
    }
    right += (<usize>depth) << 5;
  }
}

function addBorder(rows: i32, columns: i32, c: usize, rowBytes: usize): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const place = c + <usize>i * rowBytes + ((<usize>j) << 3);
      store<f64>(place, load<f64>(place) + load<f64>(borderTile() + ((<usize>(8 * i + j)) << 3)));
    }
  }
}

/** Four rows times eight columns, all 32 sums in registers. */
function addTile(depth: i32, factor: f64, left: usize, right: usize, c: usize, rowBytes: usize): void {
  let s00 = f32x4.splat(0);
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
    s00 = f32x4.add(s00, f32x4.mul(a0, b0));
    s01 = f32x4.add(s01, f32x4.mul(a0, b1));
    const a1 = v128.load(left, 16);
    s10 = f32x4.add(s10, f32x4.mul(a1, b0));
    s11 = f32x4.add(s11, f32x4.mul(a1, b1));
    const a2 = v128.load(left, 32);
    s20 = f32x4.add(s20, f32x4.mul(a2, b0));
    s21 = f32x4.add(s21, f32x4.mul(a2, b1));
    const a3 = v128.load(left, 48);
    s30 = f32x4.add(s30, f32x4.mul(a3, b0));
    s31 = f32x4.add(s31, f32x4.mul(a3, b1));
    left += 64;
    right += 32;
  }
  const scale = f64x2.splat(factor);
  addEight(c, scale, s00, s01);
  c += rowBytes;
  addEight(c, scale, s10, s11);
  c += rowBytes;
  addEight(c, scale, s20, s21);
  c += rowBytes;
  addEight(c, scale, s30, s31);
}

function addEight(c: usize, scale: v128, front: v128, back: v128): void {
  addFour(c, scale, front);
  addFour(c + 32, scale, back);
}

function addFour(c: usize, scale: v128, four: v128): void {
  const front = f64x2.promote_low_f32x4(four);
  const back = f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1));
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, front)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, back)), 16);
}
