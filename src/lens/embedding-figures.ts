import type { Nearest } from './nearest-rows';
import type { RowDrift } from './row-drift';

/** One row of the table of moved rows. */
export interface MovedRow {
  readonly row: number;
  readonly norm: number;
  /** ‖τ‖ / ‖θ₀‖ */
  readonly relative: number | null;
  readonly cosine: number | null;
}

/** The nearest rows of a sampled row, before and after. */
export interface NeighbourChange {
  readonly row: number;
  /** Whether it is one of the rows that moved most, or picked at random. */
  readonly picked: 'moved' | 'random';
  readonly before: Nearest;
  readonly after: Nearest;
  /** How many of the nearest rows are the same, as a share. */
  readonly kept: number | null;
}

/** What is shown of one embedding of one task; per-row arrays are not kept. */
export interface EmbeddingFigures {
  readonly drift: Pick<RowDrift, 'pair' | 'newNorm'>;
  readonly top: readonly MovedRow[];
  readonly neighbours: readonly NeighbourChange[];
  readonly moved: number;
  readonly meanRelative: number | null;
  readonly meanNorm: number | null;
  /** Share of ‖τ‖² in the k/{@link CURVE_STEPS} of the rows that moved most; `null` where nothing moved. */
  readonly curve: readonly (number | null)[];
  /** Rows with NaN or infinities. */
  readonly odd: number;
}

/** Points of the curve of energy, beside 0. */
export const CURVE_STEPS = 50;

/** Sums up a pass over rows; the `most` rows that moved most are listed. */
export function embeddingFigures(
  drift: RowDrift,
  most: number,
  neighbours: readonly NeighbourChange[],
): EmbeddingFigures {
  const { pair, moved, before, cosines, newNorm } = drift;
  const order = movedOrder(drift);
  const energy = order.reduce((sum, row) => sum + (moved[row] ?? 0) ** 2, 0);
  const relatives = order.flatMap((row) => relativeOf(drift, row) ?? []);
  return {
    drift: { pair, newNorm },
    top: order.slice(0, most).flatMap((row) => {
      const norm = moved[row] ?? 0;
      if (norm === 0) return [];
      const cosine = cosines[row] ?? NaN;
      return [
        { row, norm, relative: relativeOf(drift, row), cosine: Number.isFinite(cosine) ? cosine : null },
      ];
    }),
    neighbours,
    moved: order.filter((row) => (moved[row] ?? 0) > 0).length,
    meanRelative: mean(relatives),
    meanNorm: mean(order.map((row) => before[row] ?? 0)),
    curve: curveOf(
      order.map((row) => (moved[row] ?? 0) ** 2),
      energy,
    ),
    odd: moved.length - order.length,
  };
}

/** The rows with finite entries, those that moved most first; of equal ones the lower first. */
export function movedOrder({ moved, before }: RowDrift): number[] {
  const rows = Array.from(moved, (_, row) => row).filter(
    (row) => Number.isFinite(moved[row]) && Number.isFinite(before[row]),
  );
  return rows.sort((a, b) => (moved[b] ?? 0) - (moved[a] ?? 0) || a - b);
}

/** The share of nearest rows that stayed. */
export function keptShare(before: Nearest, after: Nearest): number | null {
  const most = Math.max(before.rows.length, after.rows.length);
  return most > 0 ? before.rows.filter((row) => after.rows.includes(row)).length / most : null;
}

function relativeOf({ moved, before }: RowDrift, row: number): number | null {
  const length = before[row] ?? 0;
  return length > 0 ? (moved[row] ?? 0) / length : null;
}

function curveOf(squares: readonly number[], energy: number): (number | null)[] {
  const points: (number | null)[] = [];
  let [sum, at] = [0, 0];
  for (let step = 0; step <= CURVE_STEPS; step++) {
    const end = Math.round((squares.length * step) / CURVE_STEPS);
    while (at < end) sum += squares[at++] ?? 0;
    points.push(energy > 0 ? sum / energy : null);
  }
  return points;
}

function mean(values: readonly number[]): number | null {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}
