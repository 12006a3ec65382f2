import type { Dense } from './dense';

/** An eigenvalue of a real matrix; those that are not real come in conjugate pairs. */
export interface Eigenvalue {
  readonly real: number;
  readonly imaginary: number;
}

const EPSILON = 2 ** -52;
/** Steps for one eigenvalue; two or three are usual. */
const STEPS = 90;
/** Every so many steps without result a shift from outside breaks a cycle. */
const STALL = 12;

/**
 * All eigenvalues of a real square matrix, in no order, or `null` where a value is not finite or the iteration does
 * not end: reduction to Hessenberg form, then QR steps with Wilkinson's shift in complex numbers (Golub, Van Loan, Matrix
 * Computations, 7.4-7.5). A matrix that is not square is a caller's mistake: RangeError.
 */
export function eigenvalues(matrix: Dense): readonly Eigenvalue[] | null {
  const n = matrix.rows;
  if (n !== matrix.columns) throw new RangeError(`a ${n} × ${matrix.columns} matrix has no eigenvalues`);
  if (!matrix.values.every(Number.isFinite)) return null;
  const work = new Hessenberg(matrix);
  const found: Eigenvalue[] = [];
  let last = n - 1;
  let steps = 0;
  while (last >= 0) {
    const first = work.activeFrom(last);
    if (first === last) {
      found.push(work.at(last, last));
      last--;
      steps = 0;
    } else if (steps === STEPS) return null;
    else work.step(first, last, ++steps % STALL === 0);
  }
  return found;
}

/** A Hessenberg matrix in complex numbers. */
class Hessenberg {
  private readonly n: number;
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  constructor(matrix: Dense) {
    this.n = matrix.rows;
    this.re = Float64Array.from(matrix.values);
    this.im = new Float64Array(matrix.values.length);
    for (let column = 0; column < this.n - 2; column++) this.eliminate(column);
  }

  at(row: number, column: number): Eigenvalue {
    const index = row * this.n + column;
    return { real: this.re[index] as number, imaginary: this.im[index] as number };
  }

  /** The first row of the block that ends at `last` and falls into no smaller ones; clears what is next to nothing. */
  activeFrom(last: number): number {
    for (let row = last; row > 0; row--) {
      const below = size(this.at(row, row - 1));
      if (below > EPSILON * (size(this.at(row, row)) + size(this.at(row - 1, row - 1)))) continue;
      this.re[row * this.n + row - 1] = 0;
      this.im[row * this.n + row - 1] = 0;
      return row;
    }
    return 0;
  }

  /** One QR step on rows and columns `first … last`. */
  step(first: number, last: number, stalled: boolean): void {
    const shift = stalled
      ? { real: size(this.at(last, last - 1)) + size(this.at(last, last)), imaginary: 0 }
      : this.wilkinson(last);
    this.shiftBy(first, last, shift, -1);
    const turns: Turn[] = [];
    for (let row = first; row < last; row++) {
      const turn = turnOf(this.at(row, row), this.at(row + 1, row));
      turns.push(turn);
      for (let column = row; column <= last; column++) this.turnRows(row, column, turn);
    }
    turns.forEach((turn, index) => {
      const column = first + index;
      for (let row = first; row <= Math.min(column + 1, last); row++) this.turnColumns(row, column, turn);
    });
    this.shiftBy(first, last, shift, 1);
  }

  /** Clears a column below the subdiagonal by a Householder reflection from both sides. */
  private eliminate(column: number): void {
    const { n, re } = this;
    const v = new Float64Array(n);
    for (let row = column + 1; row < n; row++) v[row] = re[row * n + column] as number;
    const norm = Math.hypot(...v);
    if (norm === 0) return;
    const head = v[column + 1] as number;
    v[column + 1] = head + (head >= 0 ? norm : -norm);
    const length = Math.hypot(...v);
    for (let row = column + 1; row < n; row++) v[row] = (v[row] as number) / length;
    for (let j = 0; j < n; j++) this.reflect(v, column + 1, j, n);
    for (let i = 0; i < n; i++) this.reflect(v, column + 1, i * n, 1);
  }

  /** x ← x − 2v(vᵀx) for the vector x that starts at `start` and has its entries `stride` apart. */
  private reflect(v: Float64Array, from: number, start: number, stride: number): void {
    let inner = 0;
    for (let k = from; k < this.n; k++) inner += (v[k] as number) * (this.re[start + k * stride] as number);
    for (let k = from; k < this.n; k++) {
      const index = start + k * stride;
      this.re[index] = (this.re[index] as number) - 2 * inner * (v[k] as number);
    }
  }

  /** The eigenvalue of the last 2 × 2 block that is nearer to the last diagonal entry. */
  private wilkinson(last: number): Eigenvalue {
    const [a, d] = [this.at(last - 1, last - 1), this.at(last, last)];
    const product = times(this.at(last - 1, last), this.at(last, last - 1));
    const half = { real: (a.real - d.real) / 2, imaginary: (a.imaginary - d.imaginary) / 2 };
    const square = times(half, half);
    const root = rootOf({
      real: square.real + product.real,
      imaginary: square.imaginary + product.imaginary,
    });
    // d + half ± root: of the two signs the one that nearly cancels is nearer to d.
    const sign = half.real * root.real + half.imaginary * root.imaginary >= 0 ? -1 : 1;
    return {
      real: d.real + half.real + sign * root.real,
      imaginary: d.imaginary + half.imaginary + sign * root.imaginary,
    };
  }

  private shiftBy(first: number, last: number, shift: Eigenvalue, sign: number): void {
    for (let row = first; row <= last; row++) {
      const index = row * this.n + row;
      this.re[index] = (this.re[index] as number) + sign * shift.real;
      this.im[index] = (this.im[index] as number) + sign * shift.imaginary;
    }
  }

  private turnRows(row: number, column: number, { a, b }: Turn): void {
    const [x, y] = [this.at(row, column), this.at(row + 1, column)];
    this.set(row, column, sum(times(conjugate(a), x), times(conjugate(b), y)));
    this.set(row + 1, column, sum(times(a, y), times(negative(b), x)));
  }

  private turnColumns(row: number, column: number, { a, b }: Turn): void {
    const [x, y] = [this.at(row, column), this.at(row, column + 1)];
    this.set(row, column, sum(times(x, a), times(y, b)));
    this.set(row, column + 1, sum(times(y, conjugate(a)), times(x, negative(conjugate(b)))));
  }

  private set(row: number, column: number, { real, imaginary }: Eigenvalue): void {
    this.re[row * this.n + column] = real;
    this.im[row * this.n + column] = imaginary;
  }
}

/** The unitary matrix [[ā, b̄], [−b, a]], |a|² + |b|² = 1. */
interface Turn {
  readonly a: Eigenvalue;
  readonly b: Eigenvalue;
}

/** The turn that takes (x, y) to (r, 0). */
function turnOf(x: Eigenvalue, y: Eigenvalue): Turn {
  const r = Math.hypot(x.real, x.imaginary, y.real, y.imaginary);
  if (r === 0) return { a: { real: 1, imaginary: 0 }, b: { real: 0, imaginary: 0 } };
  return {
    a: { real: x.real / r, imaginary: x.imaginary / r },
    b: { real: y.real / r, imaginary: y.imaginary / r },
  };
}

function size({ real, imaginary }: Eigenvalue): number {
  return Math.hypot(real, imaginary);
}

function sum(x: Eigenvalue, y: Eigenvalue): Eigenvalue {
  return { real: x.real + y.real, imaginary: x.imaginary + y.imaginary };
}

function times(x: Eigenvalue, y: Eigenvalue): Eigenvalue {
  return {
    real: x.real * y.real - x.imaginary * y.imaginary,
    imaginary: x.real * y.imaginary + x.imaginary * y.real,
  };
}

function conjugate({ real, imaginary }: Eigenvalue): Eigenvalue {
  return { real, imaginary: -imaginary };
}

function negative({ real, imaginary }: Eigenvalue): Eigenvalue {
  return { real: -real, imaginary: -imaginary };
}

function rootOf(x: Eigenvalue): Eigenvalue {
  const radius = Math.sqrt(size(x));
  const angle = Math.atan2(x.imaginary, x.real) / 2;
  return { real: radius * Math.cos(angle), imaginary: radius * Math.sin(angle) };
}
