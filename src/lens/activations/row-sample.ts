import type { Dense } from '../../tensor/linear/dense';

/** Rows that are kept at most: dissimilarities between them are half a million pairs of numbers a layer. */
const MOST_ROWS = 512;

/** Rows of all layers of one model, spread evenly over all rows; the same ones for every model. */
export class RowSample {
  private readonly parts: Dense[][] = [];
  private seen = 0;
  private stride = 0;
  private kept = 0;

  /** Rows that were kept. */
  get count(): number {
    return this.kept;
  }

  /** The next rows of every layer; `parts`: how many parts of this size there are in all, asked for with the first one. */
  add(layers: readonly Dense[], parts: number): void {
    const rows = layers[0]?.rows ?? 0;
    if (this.stride === 0) this.stride = Math.max(1, Math.ceil((rows * parts) / MOST_ROWS));
    const chosen = Array.from({ length: rows }, (_, row) => row).filter(
      (row) => (this.seen + row) % this.stride === 0,
    );
    layers.forEach((layer, at) => (this.parts[at] ??= []).push(rowsAt(layer, chosen)));
    this.seen += rows;
    this.kept += chosen.length;
  }

  /** The rows of every layer. */
  layers(): readonly Dense[] {
    return this.parts.map((parts) => {
      const columns = parts[0]?.columns ?? 0;
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      const values = new Float64Array(rows * columns);
      let at = 0;
      for (const part of parts) {
        values.set(part.values, at);
        at += part.values.length;
      }
      return { rows, columns, values };
    });
  }
}

function rowsAt({ columns, values }: Dense, rows: readonly number[]): Dense {
  const taken = new Float64Array(rows.length * columns);
  rows.forEach((row, at) => taken.set(values.subarray(row * columns, (row + 1) * columns), at * columns));
  return { rows: rows.length, columns, values: taken };
}
