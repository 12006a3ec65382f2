// The innermost part of products that are summed in float32: packed strips, and the tile that is kept in registers.
import { borderTile, leftPack, rightPack } from './memory';

/**
 * Copies four lines of float32, `depth` entries each, next to each other: entry p of all four, then entry p + 1, `step` bytes
 * on. Only the first `own` lines exist; what comes of the others is dropped. Distances are in bytes.
 */
export function packFour(
  from: usize,
  depth: i32,
  own: i32,
  down: usize,
  across: usize,
  target: usize,
  step: usize,
): void {
  let to = target;
  let p = 0;
  if (own >= 4 && across == 4) {
    for (; p < depth; p++) {
      v128.store(to, v128.load(from));
      from += down;
      to += step;
    }
    return;
  }
  // Lines that do not exist are read as the last one.
  const second = <usize>min(1, own - 1) * across;
  const third = <usize>min(2, own - 1) * across;
  const fourth = <usize>min(3, own - 1) * across;
  if (down == 4) {
    for (; p + 3 < depth; p += 4) {
      const r0 = v128.load(from);
      const r1 = v128.load(from + second);
      const r2 = v128.load(from + third);
      const r3 = v128.load(from + fourth);
      const t0 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
      const t1 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
      const t2 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
      const t3 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(t0, t2, 0, 2));
      v128.store(to + step, v128.shuffle<i64>(t0, t2, 1, 3));
      v128.store(to + 2 * step, v128.shuffle<i64>(t1, t3, 0, 2));
      v128.store(to + 3 * step, v128.shuffle<i64>(t1, t3, 1, 3));
      from += 16;
      to += 4 * step;
    }
  }
  for (; p < depth; p++) {
    store<f32>(to, load<f32>(from));
    store<f32>(to, load<f32>(from + second), 4);
    store<f32>(to, load<f32>(from + third), 8);
    store<f32>(to, load<f32>(from + fourth), 12);
    from += down;
    to += step;
  }
}

/**
 * The left factor, of float32, in strips of four rows, every entry four times: loading four is cheaper than loading one and
 * spreading it. Distances are in entries.
 */
export function packLeft(source: usize, depth: i32, height: i32, alongDepth: i32, alongHeight: i32): void {
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

/** C += factor · what is packed: strips of four rows, and of eight columns, all of one depth. */
export function addBlock(m: i32, n: i32, depth: i32, factor: f64, c: usize, cRow: i32): void {
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
    s00 = multiplyAdd(a0, b0, s00);
    s01 = multiplyAdd(a0, b1, s01);
    const a1 = v128.load(left, 16);
    s10 = multiplyAdd(a1, b0, s10);
    s11 = multiplyAdd(a1, b1, s11);
    const a2 = v128.load(left, 32);
    s20 = multiplyAdd(a2, b0, s20);
    s21 = multiplyAdd(a2, b1, s21);
    const a3 = v128.load(left, 48);
    s30 = multiplyAdd(a3, b0, s30);
    s31 = multiplyAdd(a3, b1, s31);
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

/** a · b + c, rounded once where the module may ask for it and the processor can. */
function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
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
