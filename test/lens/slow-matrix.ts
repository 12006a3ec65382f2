// Matrices worked off slowly and obviously: whole tensors as plain arrays, eigenvalues of the Gram matrix by Jacobi rotations.
import type { MatrixOutcome, MatrixSource, StoredFactors } from '../../src/tensor/matrix-source';
import type { LowRankDelta, PassItem } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';

type ReadValues = (span: TensorSpan) => number[];

/** The slow counterpart of the matrix kernel. Rows of `left` and `right` stand where the fast one has them. */
export function slowMatrix(item: Extract<PassItem, { kind: 'matrix' }>, read: ReadValues): MatrixOutcome {
  const { source, operation } = item;
  const { rows, columns } = source;
  const matrix = entriesOf(source, read);
  const nonFinite = matrix.filter((value) => !Number.isFinite(value)).length;
  const none = { kind: 'matrix' as const, rows, columns, nonFinite };
  const empty = {
    ...none,
    values: null,
    singular: null,
    left: null,
    right: null,
    energies: null,
    squares: null,
    error: null,
  };
  if (operation.kind === 'values') return { ...empty, values: Float64Array.from(matrix) };
  if (operation.kind === 'squares')
    return { ...empty, squares: Float64Array.of(matrix.reduce((sum, value) => sum + value * value, 0)) };
  if (nonFinite > 0) return empty;
  const found = slowSvd(matrix, rows, columns);
  if (operation.kind === 'alignment') return { ...empty, ...slowAlignment(found, operation.parts, read) };
  const k = operation.kind === 'svd' ? Math.min(operation.rank ?? Infinity, found.values.length) : 0;
  const singular = Float64Array.from(operation.kind === 'svd' ? found.values.slice(0, k) : found.values);
  if (operation.kind === 'singularValues') return { ...empty, singular, error: 0 };
  const left = new Float64Array(rows * k);
  const right = new Float64Array(k * columns);
  for (let t = 0; t < k; t++) {
    for (let i = 0; i < rows; i++) left[i * k + t] = found.left[t]?.[i] ?? 0;
    for (let j = 0; j < columns; j++) right[t * columns + j] = found.right[t]?.[j] ?? 0;
  }
  return { ...empty, singular, left, right, error: 0 };
}

/** Σ over columns of (Σ over rows of u · entry)², for every part and left vector. */
function slowAlignment(
  { values, left }: ReturnType<typeof slowSvd>,
  parts: readonly MatrixSource[],
  read: ReadValues,
): Pick<MatrixOutcome, 'singular' | 'energies' | 'squares' | 'error'> {
  const energies: number[] = [];
  const squares: number[] = [];
  for (const part of parts) {
    const entries = entriesOf(part, read);
    squares.push(entries.reduce((sum, value) => sum + value * value, 0));
    for (const u of left) {
      let energy = 0;
      for (let column = 0; column < part.columns; column++) {
        const along = u.reduce((sum, x, row) => sum + x * (entries[row * part.columns + column] ?? 0), 0);
        energy += along * along;
      }
      energies.push(energy);
    }
  }
  return {
    singular: Float64Array.from(values),
    energies: Float64Array.from(energies),
    squares: Float64Array.from(squares),
    error: 0,
  };
}

function entriesOf({ rows, columns, transposed, terms }: MatrixSource, read: ReadValues): number[] {
  const count = rows * columns;
  const stored = new Array<number>(count).fill(0);
  for (const term of terms) {
    const add = (values: ArrayLike<number>, first: number, weight: number) => {
      for (let at = 0; at < count; at++)
        stored[at] = (stored[at] ?? 0) + weight * (values[first + at] ?? NaN);
    };
    if (term.kind === 'values') add(term.values, 0, term.weight);
    else if (term.kind === 'tensor') add(read(term.span), term.first ?? 0, term.weight);
    else if (term.task.kind === 'stored') add(storedProduct(term.task, read), 0, term.weight);
    else if (term.task.kind === 'lowRank') add(productOf(term.task.delta), 0, term.weight);
    else {
      add(read(term.task.span), term.first ?? 0, term.weight);
      add(read(term.base), term.first ?? 0, -term.weight);
    }
  }
  if (transposed !== true) return stored;
  return Array.from({ length: count }, (_, at) => {
    const row = Math.floor(at / columns);
    return stored[(at % columns) * rows + row] ?? NaN;
  });
}

function storedProduct({ scale, rank, a, b, transposed }: StoredFactors, read: ReadValues): number[] {
  const [valuesOfA, valuesOfB] = [read(a), read(b)];
  const [rows, columns] = [b.count / rank, a.count / rank];
  const entry = (row: number, column: number) => {
    let value = 0;
    for (let k = 0; k < rank; k++) {
      value += (valuesOfB[row * rank + k] ?? NaN) * (valuesOfA[k * columns + column] ?? NaN);
    }
    return scale * value;
  };
  return Array.from({ length: rows * columns }, (_, at) =>
    transposed ? entry(at % rows, Math.floor(at / rows)) : entry(Math.floor(at / columns), at % columns),
  );
}

function productOf({ scale, b, a, rows, columns, rank }: LowRankDelta): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    let value = 0;
    for (let k = 0; k < rank; k++) {
      value += (b[Math.floor(at / columns) * rank + k] ?? 0) * (a[k * columns + (at % columns)] ?? 0);
    }
    return scale * value;
  });
}

/** Singular values, descending, with left and right vectors as plain arrays, one array a vector. */
export function slowSvd(
  matrix: readonly number[],
  rows: number,
  columns: number,
): { values: number[]; left: number[][]; right: number[][] } {
  if (rows < columns) {
    const turned = Array.from({ length: rows * columns }, (_, at) => {
      return matrix[(at % rows) * columns + Math.floor(at / rows)] ?? 0;
    });
    const { values, left, right } = slowSvd(turned, columns, rows);
    return { values, left: right, right: left };
  }
  // Columns, made orthogonal to each other by plane rotations until nothing is left to turn.
  const work = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: rows }, (__, i) => matrix[i * columns + j] ?? 0),
  );
  const turns = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: columns }, (__, i) => (i === j ? 1 : 0)),
  );
  const inner = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  for (let sweep = 0, turned = true; turned && sweep < 80; sweep++) {
    turned = false;
    for (let p = 0; p < columns; p++) {
      for (let q = p + 1; q < columns; q++) {
        const x = work[p] ?? [];
        const y = work[q] ?? [];
        const [xx, yy, xy] = [inner(x, x), inner(y, y), inner(x, y)];
        if (Math.abs(xy) <= 1e-15 * Math.sqrt(xx * yy) || xy === 0) continue;
        turned = true;
        const angle = Math.atan2(2 * xy, xx - yy) / 2;
        for (const [u, v] of [
          [x, y],
          [turns[p] ?? [], turns[q] ?? []],
        ] as const) {
          for (let at = 0; at < u.length; at++) {
            const [s, t] = [u[at] ?? 0, v[at] ?? 0];
            u[at] = Math.cos(angle) * s + Math.sin(angle) * t;
            v[at] = Math.cos(angle) * t - Math.sin(angle) * s;
          }
        }
      }
    }
  }
  const order = work
    .map((column, index) => ({ index, norm: Math.sqrt(inner(column, column)) }))
    .sort((a, b) => b.norm - a.norm);
  return {
    values: order.map(({ norm }) => norm),
    left: order.map(({ index, norm }) => (work[index] ?? []).map((value) => (norm > 0 ? value / norm : 0))),
    right: order.map(({ index }) => turns[index] ?? []),
  };
}
