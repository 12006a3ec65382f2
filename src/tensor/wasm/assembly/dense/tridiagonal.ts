// Symmetric matrices: to tridiagonal form, and rotations of eigenvectors (Golub, Van Loan, Matrix Computations, 8.3).
import { reflector } from './reflectors';
import { addMultiple, inner, rotate } from './vectors';

/**
 * Takes a symmetric matrix (both halves stored) by steps `first … end − 1` towards tridiagonal form. Row j is left with
 * the vector of reflection j, zeros before it; diagonal, subdiagonal and τ go to `d`, `e` and `taus`. `p` has room for n doubles.
 */
export function tridiagonalSteps(
  a: usize,
  n: i32,
  stride: i32,
  first: i32,
  end: i32,
  d: usize,
  e: usize,
  taus: usize,
  p: usize,
): void {
  const rowBytes = (<usize>stride) << 3;
  for (let j = first; j < end; j++) {
    const row = a + <usize>j * rowBytes;
    store<f64>(d + ((<usize>j) << 3), load<f64>(row + ((<usize>j) << 3)));
    memory.fill(row, 0, (<usize>(j + 1)) << 3);
    const length = n - j - 1;
    if (length == 0) continue;
    const v = row + ((<usize>(j + 1)) << 3);
    const tau = reflector(v, length, e + ((<usize>j) << 3));
    store<f64>(taus + ((<usize>j) << 3), tau);
    if (tau == 0) continue;
    const corner = v + rowBytes;
    for (let i = 0; i < length; i++) {
      store<f64>(p + ((<usize>i) << 3), tau * inner(corner + <usize>i * rowBytes, v, length));
    }
    addMultiple(-0.5 * tau * inner(p, v, length), v, p, length);
    for (let i = 0; i < length; i++) {
      const vi = load<f64>(v + ((<usize>i) << 3));
      const pi = load<f64>(p + ((<usize>i) << 3));
      subtractTwo(corner + <usize>i * rowBytes, vi, p, pi, v, length);
    }
  }
}

/** y −= f·x + g·z */
function subtractTwo(y: usize, f: f64, x: usize, g: f64, z: usize, n: i32): void {
  const ff = f64x2.splat(f);
  const gg = f64x2.splat(g);
  const end = y + ((<usize>n) << 3);
  const wide = y + ((<usize>(n & ~1)) << 3);
  while (y < wide) {
    const sum = f64x2.add(f64x2.mul(ff, v128.load(x)), f64x2.mul(gg, v128.load(z)));
    v128.store(y, f64x2.sub(v128.load(y), sum));
    y += 16;
    x += 16;
    z += 16;
  }
  if (y < end) store<f64>(y, load<f64>(y) - (f * load<f64>(x) + g * load<f64>(z)));
}

/** Columns of which rotations are done together: as many rows as rotations reach stay in the cache. */
const STRIP: i32 = 128;

/**
 * Rotates pairs of rows (last, last + 1), (last − 1, last), … `count` of them, `columns` long: pair k by the cosine and sine
 * at `turns + 16·k`.
 */
export function rotateRows(z: usize, stride: i32, columns: i32, last: i32, count: i32, turns: usize): void {
  const rowBytes = (<usize>stride) << 3;
  for (let column = 0; column < columns; column += STRIP) {
    const width = min(STRIP, columns - column);
    let row = z + <usize>last * rowBytes + ((<usize>column) << 3);
    for (let k = 0; k < count; k++) {
      const turn = turns + ((<usize>k) << 4);
      rotate(row, row + rowBytes, width, load<f64>(turn), load<f64>(turn, 8));
      row -= rowBytes;
    }
  }
}
