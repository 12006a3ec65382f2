// Products whose terms are summed in float32, a block of them at a time: twice as fast, good to six digits.
import { INNER, LEFT_ROWS, RIGHT_COLUMNS, rightPack } from './memory';
import { addBlock, packFour, packLeft } from './single-tiles';

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
        packLeft(a + (at(i, p, aRow, aColumn) >> 1), depth, height, aColumn, aRow);
        addBlock(height, width, depth, factor, c + at(i, j, cRow, 1), cRow);
      }
    }
  }
}

/** C += A·B as {@link addRoughProduct}, with both of float32. */
export function addSinglesProduct(
  m: i32,
  n: i32,
  k: i32,
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
      packSingles(b + (at(p, j, bRow, bColumn) >> 1), depth, width, bRow, bColumn);
      for (let i = 0; i < m; i += LEFT_ROWS) {
        const height = min(LEFT_ROWS, m - i);
        packLeft(a + (at(i, p, aRow, aColumn) >> 1), depth, height, aColumn, aRow);
        addBlock(height, width, depth, 1, c + at(i, j, cRow, 1), cRow);
      }
    }
  }
}

function at(i: i32, j: i32, row: i32, column: i32): usize {
  return (<usize>i * <usize>row + <usize>j * <usize>column) << 3;
}

/** The right factor, of float32, in strips of eight columns. */
function packSingles(source: usize, depth: i32, width: i32, alongDepth: i32, alongWidth: i32): void {
  const down = (<usize>alongDepth) << 2;
  const across = (<usize>alongWidth) << 2;
  let to = rightPack();
  for (let w = 0; w < width; w += 8) {
    const from = source + <usize>w * across;
    const own = width - w;
    packFour(from, depth, own, down, across, to, 32);
    // Where there are no more than four columns, any will do for the rest.
    packFour(own > 4 ? from + 4 * across : from, depth, own > 4 ? own - 4 : own, down, across, to + 16, 32);
    to += (<usize>depth) << 5;
  }
}

/** The right factor, of float64, in strips of eight columns, zeros where there are fewer. */
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
