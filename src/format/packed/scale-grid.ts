/** How blocks of scales lie over matrices. */
export interface ScaleGrid {
  /** Of one matrix. */
  readonly rows: number;
  readonly columns: number;
  readonly block: readonly [rows: number, columns: number];
  /** Scales along the columns. */
  readonly groupCount: number;
}

/** DeepSeek-V3 (`weight_block_size` of its config.json), taken where the configuration says nothing. */
const USUAL_BLOCK: readonly [number, number] = [128, 128];

/**
 * The blocks for which a weight of shape [… , rows, columns] has the scales of another shape: one for all, one a row
 * ([rows] or [rows, 1]), or a grid. `known` is what the configuration says; without it blocks are 128 × 128 where that fits
 * (the last ones may be cut), else equal. `null` where no blocks fit.
 */
export function gridOf(
  shape: readonly number[],
  scales: readonly number[],
  known: readonly [number, number] | null,
): ScaleGrid | null {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const all = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const count = scales.reduce((product, size) => product * size, 1);
  if (count === 1)
    return { rows: Math.max(1, all), columns, block: [Math.max(1, all), columns], groupCount: 1 };
  if (scales.length === 1)
    return scales[0] === rows && shape.length === 2
      ? { rows, columns, block: [1, columns], groupCount: 1 }
      : null;
  if (scales.length !== shape.length || shape.length < 2) return null;
  if (scales.slice(0, -2).some((size, axis) => size !== shape[axis])) return null;
  const [blockRows, blockColumns] = [scales.at(-2) ?? 1, scales.at(-1) ?? 1];
  const fits = ([r, c]: readonly [number, number]) =>
    Math.ceil(rows / r) === blockRows && Math.ceil(columns / c) === blockColumns;
  const block = [known, USUAL_BLOCK, equalBlock(rows, columns, blockRows, blockColumns)].find(
    (each) => each !== null && fits(each),
  );
  return block ? { rows, columns, block, groupCount: blockColumns } : null;
}

function equalBlock(
  rows: number,
  columns: number,
  blockRows: number,
  blockColumns: number,
): readonly [number, number] | null {
  if (blockRows === 0 || blockColumns === 0) return null;
  if (rows % blockRows !== 0 || columns % blockColumns !== 0) return null;
  return [rows / blockRows, columns / blockColumns];
}
