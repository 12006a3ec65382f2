import { success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { rowSource, type RowPair } from './embedding-tensors';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';
import { rowBlocks } from './row-drift';

/** The rows closest to one row by cosine, the closest first. */
export interface Nearest {
  readonly rows: readonly number[];
  readonly cosines: readonly number[];
}

/** The `most` nearest common rows of each of some rows, in θ₀ or θ. Fails as reading does, or with `cancelled`. */
export async function nearestRows(
  pair: RowPair,
  what: 'before' | 'after',
  wanted: readonly number[],
  most: number,
  context: LensContext,
): Promise<Result<Nearest[]>> {
  const { common, columns } = pair;
  const own = new Float64Array(wanted.length * columns);
  const picked = await readMatrices(
    wanted.map((row) => valuesOf(pair, what, row, 1)),
    context,
    ({ values }, index) => own.set(values ?? [], index * columns),
    'Reading sampled rows',
  );
  if (!picked.ok) return picked;
  const sample = unitRows({ rows: wanted.length, columns, values: own });
  const best = wanted.map(() => ({ rows: [] as number[], cosines: [] as number[] }));
  const blocks = rowBlocks(common, columns, context.memoryBudget);
  const read = await readMatrices(
    blocks.map(({ first, count }) => valuesOf(pair, what, first, count)),
    context,
    ({ values, rows }, index) => {
      const first = blocks[index]?.first ?? 0;
      if (!values) return;
      const products = multiplyTransposed(sample, unitRows({ rows, columns, values }));
      wanted.forEach((row, at) => {
        const found = best[at];
        for (let other = 0; found && other < rows; other++) {
          if (first + other !== row)
            keepNearest(found, first + other, products.values[at * rows + other] ?? NaN, most);
        }
      });
    },
    'Finding nearest rows',
  );
  return read.ok ? success(best) : read;
}

function valuesOf(pair: RowPair, what: 'before' | 'after', first: number, count: number): MatrixWork {
  return {
    operation: { kind: 'values' },
    load: () => Promise.resolve(success(rowSource(pair, what, first, count))),
  };
}

/** Rows of length 1, a copy; rows of zeros, and those that are not finite, become zeros. */
export function unitRows({ rows, columns, values }: Dense): Dense {
  const units = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) squares += (values[at] as number) ** 2;
    if (!(squares > 0 && squares < Infinity)) continue;
    const length = Math.sqrt(squares);
    for (let at = row * columns; at < (row + 1) * columns; at++) units[at] = (values[at] as number) / length;
  }
  return { rows, columns, values: units };
}

/** Keeps the `most` best in descending order; of equal ones the lower row stays first. */
export function keepNearest(
  found: { rows: number[]; cosines: number[] },
  row: number,
  cosine: number,
  most: number,
): void {
  const last = found.cosines.at(-1) ?? -Infinity;
  if (Number.isNaN(cosine) || (found.rows.length === most && cosine <= last)) return;
  let at = found.cosines.length;
  while (at > 0 && (found.cosines[at - 1] ?? 0) < cosine) at--;
  found.rows.splice(at, 0, row);
  found.cosines.splice(at, 0, cosine);
  if (found.rows.length > most) {
    found.rows.pop();
    found.cosines.pop();
  }
}
