// Σx² along two axes of a tensor by its definition.
import type { AxisSquares } from '../../src/tensor/pass';
import { exactSum } from './oracle';

/** `columns` is the length of the second dimension, `depth` the product of the further ones. */
export function slowAxisSquares(values: readonly number[], columns: number, depth: number): AxisSquares {
  const rows = values.length / (columns * depth);
  const squares = values.map((value) => (Number.isFinite(value) ? value * value : 0));
  const sumWhere = (belongs: (flat: number) => boolean) =>
    exactSum(squares.filter((_, flat) => belongs(flat)));
  const lists = Array.from({ length: rows }, (_, row) =>
    exactSum(squares.slice(row * columns * depth, (row + 1) * columns * depth)),
  );
  return {
    kind: 'axisSquares',
    firstRow: 0,
    rows: Float64Array.from(lists),
    columns: Float64Array.from({ length: columns }, (_, column) =>
      sumWhere((flat) => Math.floor(flat / depth) % columns === column),
    ),
    skipped: values.filter((value) => !Number.isFinite(value)).length,
  };
}
