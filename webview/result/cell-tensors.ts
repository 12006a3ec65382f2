import type { AxisEntry, Matrix, Table, TableCell } from '../../src/protocol/artifact';

/** One tensor behind a cell: its row of the table `tensors`. */
export interface CellTensor {
  readonly tensor: string;
  readonly task: string | null;
  /** The other visible cells of its row. */
  readonly figures: readonly {
    readonly title: string;
    readonly value: TableCell;
    readonly column: Table['columns'][number];
  }[];
}

/** The two tasks that a cell of a task × task matrix compares; `null` for any other matrix. */
export function comparedTasks(matrix: Matrix, row: number, column: number): readonly [string, string] | null {
  const a = matrix.rows[row]?.task;
  const b = matrix.columns[column]?.task;
  return a !== undefined && b !== undefined ? [a, b] : null;
}

/**
 * Rows of the table `tensors` that stand behind a cell: same layer, module, tensor and task, as far as the axes and facets of the
 * matrix say. Empty where there is no such table, or where the cell says nothing of a place.
 */
export function tensorsOfCell(
  table: Table | undefined,
  matrix: Matrix,
  row: number,
  column: number,
): CellTensor[] {
  if (!table) return [];
  const entries = [matrix.rows[row], matrix.columns[column]].filter((entry) => entry !== undefined);
  const index = (name: string) => table.columns.findIndex((candidate) => candidate.name === name);
  const [tensor, task] = [index('tensor'), index('task')];
  const wanted = places(entries, matrix).flatMap(({ name, values }) => {
    // Tensors outside numbered layers share one layer, but stand in rows of their own: the table may say which.
    const at = name === 'layer' && index('row') >= 0 ? index('row') : index(name);
    return at < 0 ? [] : [{ at, values }];
  });
  if (tensor < 0 || wanted.every(({ at }) => at === task)) return [];
  return table.rows
    .filter((cells) => wanted.every(({ at, values }) => values.has(String(cells[at]))))
    .map((cells) => ({
      tensor: String(cells[tensor]),
      task: task < 0 ? null : String(cells[task]),
      figures: table.columns.flatMap((candidate, at) =>
        candidate.hidden || PLACES.has(candidate.name)
          ? []
          : [{ title: candidate.title, value: cells[at] ?? null, column: candidate }],
      ),
    }));
}

const PLACES = new Set(['tensor', 'task', 'layer', 'module']);

function places(
  entries: readonly AxisEntry[],
  matrix: Matrix,
): { readonly name: string; readonly values: ReadonlySet<string> }[] {
  const found: { name: string; values: Set<string> }[] = [];
  for (const entry of entries) {
    // A table may hold the key of a layer or module, or the label that axes show.
    if (entry.layer !== undefined) found.push({ name: 'layer', values: new Set([entry.layer, entry.label]) });
    if (entry.module !== undefined)
      found.push({ name: 'module', values: new Set([entry.module, entry.label]) });
    if (entry.tensor !== undefined) found.push({ name: 'tensor', values: new Set([entry.tensor]) });
    if (entry.task !== undefined) found.push({ name: 'task', values: new Set([entry.task]) });
  }
  const task = matrix.facets?.['task'];
  if (task !== undefined) found.push({ name: 'task', values: new Set([task]) });
  return found;
}

/** The figure of two tasks in one scope: everything, a layer, or a tensor. */
export interface PairScope {
  readonly scope: string;
  readonly isTensor: boolean;
  readonly value: number | null;
}

/** What the table `pairs` says of two tasks: its first column of numbers. */
export function figureOfPairs(table: Table | undefined): Table['columns'][number] | undefined {
  return table?.columns.find(({ type }) => type === 'number' || type === 'share');
}

/**
 * Rows of the table `pairs` for two tasks, in either order. `titles` names the scopes that have a figure of their own (the whole, layers);
 * the others are tensors.
 */
export function scopesOfPair(
  table: Table | undefined,
  tasks: readonly [string, string],
  titles: ReadonlyMap<string, string>,
): PairScope[] {
  if (!table) return [];
  const index = (name: string) => table.columns.findIndex((column) => column.name === name);
  const figure = index(figureOfPairs(table)?.name ?? '');
  const [scope, a, b] = [index('scope'), index('a'), index('b')];
  return table.rows
    .filter((cells) => {
      const pair = [cells[a], cells[b]];
      return (pair[0] === tasks[0] && pair[1] === tasks[1]) || (pair[0] === tasks[1] && pair[1] === tasks[0]);
    })
    .map((cells) => {
      const value = cells[figure];
      const name = String(cells[scope]);
      const isTensor = titles.size > 0 && !titles.has(name);
      return { scope: titles.get(name) ?? name, isTensor, value: typeof value === 'number' ? value : null };
    });
}
