import { transposed, zeros, type Dense } from './dense';

/** x·y, (m × k)·(k × n) → m × n, in float64. Shapes that do not fit are a caller's mistake: RangeError. */
export function multiply(x: Dense, y: Dense): Dense {
  return multiplyTransposed(x, transposed(y));
}

/** x·yᵀ, (m × k)·(n × k)ᵀ → m × n, in float64. */
export function multiplyTransposed(x: Dense, y: Dense): Dense {
  if (x.columns !== y.columns) {
    throw new RangeError(
      `a ${x.rows} × ${x.columns} and a (${y.rows} × ${y.columns})ᵀ matrix have no product`,
    );
  }
  const product = zeros(x.rows, y.rows);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < y.rows; j++) {
      product.values[i * y.rows + j] = innerOfRows(x, i, y, j);
    }
  }
  return product;
}

/** Gram matrix of the shorter side, in float64: x·xᵀ where there are no more rows than columns, else xᵀ·x. */
export function shortGram(x: Dense): Dense {
  const wide = x.rows <= x.columns ? x : transposed(x);
  return multiplyTransposed(wide, wide);
}

function innerOfRows(x: Dense, i: number, y: Dense, j: number): number {
  const { columns } = x;
  let sum = 0;
  for (let k = 0; k < columns; k++) {
    sum += (x.values[i * columns + k] as number) * (y.values[j * columns + k] as number);
  }
  return sum;
}
