// Loops over contiguous doubles.

/** Σ xᵢyᵢ */
export function inner(x: usize, y: usize, n: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const end = x + ((<usize>n) << 3);
  const wide = x + ((<usize>(n & ~7)) << 3);
  while (x < wide) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(x), v128.load(y)));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(x, 16), v128.load(y, 16)));
    s2 = f64x2.add(s2, f64x2.mul(v128.load(x, 32), v128.load(y, 32)));
    s3 = f64x2.add(s3, f64x2.mul(v128.load(x, 48), v128.load(y, 48)));
    x += 64;
    y += 64;
  }
  s0 = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  while (x < end) {
    sum += load<f64>(x) * load<f64>(y);
    x += 8;
    y += 8;
  }
  return sum;
}

/** y += factor · x */
export function addMultiple(factor: f64, x: usize, y: usize, n: i32): void {
  const f = f64x2.splat(factor);
  const end = x + ((<usize>n) << 3);
  const wide = x + ((<usize>(n & ~3)) << 3);
  while (x < wide) {
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(f, v128.load(x))));
    v128.store(y, f64x2.add(v128.load(y, 16), f64x2.mul(f, v128.load(x, 16))), 16);
    x += 32;
    y += 32;
  }
  while (x < end) {
    store<f64>(y, load<f64>(y) + factor * load<f64>(x));
    x += 8;
    y += 8;
  }
}

/** x *= factor */
export function scale(factor: f64, x: usize, n: i32): void {
  const f = f64x2.splat(factor);
  const end = x + ((<usize>n) << 3);
  const wide = x + ((<usize>(n & ~1)) << 3);
  while (x < wide) {
    v128.store(x, f64x2.mul(f, v128.load(x)));
    x += 16;
  }
  if (x < end) store<f64>(x, factor * load<f64>(x));
}

/** Plane rotation of two vectors: (x, y) ← (c·x − s·y, s·x + c·y). */
export function rotate(x: usize, y: usize, n: i32, c: f64, s: f64): void {
  const cc = f64x2.splat(c);
  const ss = f64x2.splat(s);
  const end = x + ((<usize>n) << 3);
  const wide = x + ((<usize>(n & ~1)) << 3);
  while (x < wide) {
    const a = v128.load(x);
    const b = v128.load(y);
    v128.store(x, f64x2.sub(f64x2.mul(cc, a), f64x2.mul(ss, b)));
    v128.store(y, f64x2.add(f64x2.mul(ss, a), f64x2.mul(cc, b)));
    x += 16;
    y += 16;
  }
  if (x < end) {
    const a = load<f64>(x);
    const b = load<f64>(y);
    store<f64>(x, c * a - s * b);
    store<f64>(y, s * a + c * b);
  }
}
