// One-sided Jacobi rotations (Hestenes 1958; Demmel, Veselić 1992).
import { inner, rotate } from './vectors';

/**
 * One sweep over all pairs of `n` rows of `work`, `length` long: rows that are not orthogonal to within `tolerance`
 * (relative) are rotated until they are, and the rows of `basis`, `basisLength` long, with them. `squares` has room for n
 * doubles. Returns the number of rotations.
 */
export function jacobiSweep(
  work: usize,
  n: i32,
  length: i32,
  stride: i32,
  basis: usize,
  basisLength: i32,
  basisStride: i32,
  squares: usize,
  tolerance: f64,
): i32 {
  const rowBytes = (<usize>stride) << 3;
  const basisBytes = (<usize>basisStride) << 3;
  for (let i = 0; i < n; i++) {
    const row = work + <usize>i * rowBytes;
    store<f64>(squares + ((<usize>i) << 3), inner(row, row, length));
  }
  let rotations = 0;
  for (let i = 0; i < n - 1; i++) {
    const x = work + <usize>i * rowBytes;
    const xPlace = squares + ((<usize>i) << 3);
    for (let j = i + 1; j < n; j++) {
      const y = work + <usize>j * rowBytes;
      const yPlace = squares + ((<usize>j) << 3);
      const xx = load<f64>(xPlace);
      const yy = load<f64>(yPlace);
      const xy = inner(x, y, length);
      if (xy == 0 || Math.abs(xy) <= tolerance * Math.sqrt(xx) * Math.sqrt(yy)) continue;
      rotations++;
      const zeta = (yy - xx) / (2 * xy);
      const root = Math.sqrt(1 + zeta * zeta);
      const t = zeta >= 0 ? 1 / (zeta + root) : -1 / (root - zeta);
      const c = 1 / Math.sqrt(1 + t * t);
      rotate(x, y, length, c, c * t);
      rotate(basis + <usize>i * basisBytes, basis + <usize>j * basisBytes, basisLength, c, c * t);
      // Formed anew: differences of squares would lose the digits of the smaller one.
      store<f64>(xPlace, inner(x, x, length));
      store<f64>(yPlace, inner(y, y, length));
    }
  }
  return rotations;
}
