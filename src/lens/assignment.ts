import type { Dense } from '../tensor/linear/dense';

/**
 * The one-to-one assignment of rows to columns with the largest sum, by the shortest augmenting paths of Jonker and
 * Volgenant (1987; the Hungarian method), in O(n³). `gains` is square and finite. Returns the column of every row.
 */
export function bestAssignment({ rows: n, values }: Dense): Int32Array {
  // Rows and columns count from 1; column 0 is where a path begins.
  const rowPrice = new Float64Array(n + 1);
  const columnPrice = new Float64Array(n + 1);
  const rowOf = new Int32Array(n + 1);
  const before = new Int32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    rowOf[0] = row;
    const slack = new Float64Array(n + 1).fill(Infinity);
    const used = new Uint8Array(n + 1);
    let column = 0;
    do {
      used[column] = 1;
      const current = rowOf[column] as number;
      let least = Infinity;
      let next = 0;
      for (let to = 1; to <= n; to++) {
        if (used[to]) continue;
        const gain = values[(current - 1) * n + to - 1] as number;
        const reduced = -gain - (rowPrice[current] as number) - (columnPrice[to] as number);
        if (reduced < (slack[to] as number)) {
          slack[to] = reduced;
          before[to] = column;
        }
        if ((slack[to] as number) < least) {
          least = slack[to] as number;
          next = to;
        }
      }
      for (let to = 0; to <= n; to++) {
        if (used[to]) {
          rowPrice[rowOf[to] as number] = (rowPrice[rowOf[to] as number] as number) + least;
          columnPrice[to] = (columnPrice[to] as number) - least;
        } else slack[to] = (slack[to] as number) - least;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const from = before[column] as number;
      rowOf[column] = rowOf[from] as number;
      column = from;
    }
  }
  const columnOf = new Int32Array(n);
  for (let column = 1; column <= n; column++) columnOf[(rowOf[column] as number) - 1] = column - 1;
  return columnOf;
}
