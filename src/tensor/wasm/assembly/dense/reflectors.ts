// Householder reflections 1 − τ·v·vᵀ with v₀ = 1 (Golub, Van Loan, Matrix Computations, 5.1 and 5.2).
import { addMultiple, inner, scale } from './vectors';

/** 2⁻⁹⁰⁰: sums of squares below lose digits to underflow. */
const LEAST_SQUARES: f64 = 1.1830521861667747e-271;
/** 2⁵⁰⁰ */
const UP: f64 = 3.273390607896142e150;

function isZero(x: usize, n: i32): bool {
  for (let i = 0; i < n; i++) if (load<f64>(x + ((<usize>i) << 3)) != 0) return false;
  return true;
}

/**
 * Replaces x by the v of the reflection that takes x to (β, 0, …, 0); returns τ and puts β at `head`. τ = 0 and v = e₀
 * where there is nothing to clear.
 */
export function reflector(x: usize, n: i32, head: usize): f64 {
  const alpha = load<f64>(x);
  const rest = inner(x + 8, x + 8, n - 1);
  if (alpha * alpha + rest < LEAST_SQUARES && !isZero(x, n)) {
    // A length of so few digits would make a v that reflects nothing, and spoil all that it is applied to.
    scale(UP, x, n);
    const tau = reflector(x, n, head);
    store<f64>(head, load<f64>(head) / UP);
    return tau;
  }
  store<f64>(x, 1);
  if (rest == 0) {
    store<f64>(head, alpha);
    return 0;
  }
  const norm = Math.sqrt(alpha * alpha + rest);
  const beta = alpha > 0 ? -norm : norm;
  scale(1 / (alpha - beta), x + 8, n - 1);
  store<f64>(head, beta);
  return (beta - alpha) / beta;
}

/**
 * QR of a panel whose `width` columns are contiguous, `stride` doubles apart. Afterwards column j holds v of reflection
 * j with zeros above it; R is at `r`, row-major and `width` wide; the τ are at `taus`.
 */
export function factorPanel(panel: usize, rows: i32, width: i32, stride: i32, r: usize, taus: usize): void {
  const between = (<usize>stride) << 3;
  const count = min(rows, width);
  memory.fill(r, 0, (<usize>(width * width)) << 3);
  for (let j = 0; j < width; j++) {
    const column = panel + <usize>j * between;
    const above = min(j, count);
    for (let i = 0; i < above; i++) {
      store<f64>(r + ((<usize>(i * width + j)) << 3), load<f64>(column + ((<usize>i) << 3)));
      store<f64>(column + ((<usize>i) << 3), 0);
    }
    if (j >= count) {
      store<f64>(taus + ((<usize>j) << 3), 0);
      continue;
    }
    const start = column + ((<usize>j) << 3);
    const length = rows - j;
    const tau = reflector(start, length, r + ((<usize>(j * width + j)) << 3));
    store<f64>(taus + ((<usize>j) << 3), tau);
    if (tau == 0) continue;
    let other = start + between;
    let left = width - 1 - j;
    for (; left >= 4; left -= 4) {
      reflectFour(tau, start, other, between, length);
      other += 4 * between;
    }
    for (; left > 0; left--) {
      addMultiple(-tau * inner(start, other, length), start, other, length);
      other += between;
    }
  }
}

/** Reflects four columns: v is loaded once for all of them. */
function reflectFour(tau: f64, v: usize, y: usize, between: usize, n: i32): void {
  const y1 = y + between;
  const y2 = y1 + between;
  const y3 = y2 + between;
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const whole = (<usize>(n & ~1)) << 3;
  for (let p: usize = 0; p < whole; p += 16) {
    const x = v128.load(v + p);
    s0 = f64x2.add(s0, f64x2.mul(x, v128.load(y + p)));
    s1 = f64x2.add(s1, f64x2.mul(x, v128.load(y1 + p)));
    s2 = f64x2.add(s2, f64x2.mul(x, v128.load(y2 + p)));
    s3 = f64x2.add(s3, f64x2.mul(x, v128.load(y3 + p)));
  }
  let f0 = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  let f1 = f64x2.extract_lane(s1, 0) + f64x2.extract_lane(s1, 1);
  let f2 = f64x2.extract_lane(s2, 0) + f64x2.extract_lane(s2, 1);
  let f3 = f64x2.extract_lane(s3, 0) + f64x2.extract_lane(s3, 1);
  const odd = (n & 1) == 1;
  if (odd) {
    const x = load<f64>(v + whole);
    f0 += x * load<f64>(y + whole);
    f1 += x * load<f64>(y1 + whole);
    f2 += x * load<f64>(y2 + whole);
    f3 += x * load<f64>(y3 + whole);
  }
  f0 *= -tau;
  f1 *= -tau;
  f2 *= -tau;
  f3 *= -tau;
  s0 = f64x2.splat(f0);
  s1 = f64x2.splat(f1);
  s2 = f64x2.splat(f2);
  s3 = f64x2.splat(f3);
  for (let p: usize = 0; p < whole; p += 16) {
    const x = v128.load(v + p);
    v128.store(y + p, f64x2.add(v128.load(y + p), f64x2.mul(s0, x)));
    v128.store(y1 + p, f64x2.add(v128.load(y1 + p), f64x2.mul(s1, x)));
    v128.store(y2 + p, f64x2.add(v128.load(y2 + p), f64x2.mul(s2, x)));
    v128.store(y3 + p, f64x2.add(v128.load(y3 + p), f64x2.mul(s3, x)));
  }
  if (!odd) return;
  const x = load<f64>(v + whole);
  store<f64>(y + whole, load<f64>(y + whole) + f0 * x);
  store<f64>(y1 + whole, load<f64>(y1 + whole) + f1 * x);
  store<f64>(y2 + whole, load<f64>(y2 + whole) + f2 * x);
  store<f64>(y3 + whole, load<f64>(y3 + whole) + f3 * x);
}

/**
 * The upper triangular T of 1 − V·T·Vᵀ = product of the reflections (Schreiber, Van Loan 1989), from `products` = VᵀV.
 * Both row-major and `width` wide.
 */
export function triangle(products: usize, taus: usize, width: i32, t: usize): void {
  memory.fill(t, 0, (<usize>(width * width)) << 3);
  for (let j = 0; j < width; j++) {
    const tau = load<f64>(taus + ((<usize>j) << 3));
    for (let i = 0; i < j; i++) {
      let sum: f64 = 0;
      for (let p = i; p < j; p++) {
        sum +=
          load<f64>(t + ((<usize>(i * width + p)) << 3)) *
          load<f64>(products + ((<usize>(p * width + j)) << 3));
      }
      store<f64>(t + ((<usize>(i * width + j)) << 3), -tau * sum);
    }
    store<f64>(t + ((<usize>(j * width + j)) << 3), tau);
  }
}

/** Copies entry (i, j) of `rows × width`, rows `stride` apart, to column j of a panel whose columns are `to` apart. */
export function columnsToPanel(
  source: usize,
  rows: i32,
  width: i32,
  stride: i32,
  panel: usize,
  to: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const from = source + ((<usize>i * <usize>stride) << 3);
    for (let j = 0; j < width; j++) {
      store<f64>(panel + ((<usize>j * <usize>to + <usize>i) << 3), load<f64>(from + ((<usize>j) << 3)));
    }
  }
}
