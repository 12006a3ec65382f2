import type { AxisEntry, Matrix, Table, TableCell } from '../../src/protocol/artifact';

/** One tensor behind a cell: its row of a table of tensors. */
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
  const [down, across] = [matrix.rows[row], matrix.columns[column]];
  const a = down?.task;
  const b = across?.task;
  // Heads and experts also name the task they are of: those are two places in one model, not two tasks.
  const arePlaces = [down, across].some((entry) => entry?.layer !== undefined || entry?.head !== undefined);
  return a !== undefined && b !== undefined && !arePlaces ? [a, b] : null;
}

/**
 * The tensors behind a cell from the first table that has any: a table with a figure named as the matrix's metric goes before the table
 * `tensors`, that before others.
 */
export function tensorsBehind(
  tables: readonly Table[],
  matrix: Matrix,
  row: number,
  column: number,
): CellTensor[] {
  const metric = matrix.facets?.['metric'];
  const rank = ({ id, columns }: Table) =>
    columns.some(({ name }) => name === metric) ? 0 : id === 'tensors' ? 1 : 2;
  for (const table of [...tables].sort((a, b) => rank(a) - rank(b))) {
    const found = tensorsOfCell(table, matrix, row, column);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * Rows of a table of tensors that stand behind a cell: same layer, module, tensor and task, as far as the axes and facets of the
 * matrix say. Empty where the table has no column `tensor` or lacks the layer or module of the cell, and where the cell is no place.
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
  const wanted = places(entries, matrix).map(({ name, values }) => {
    // Tensors outside numbered layers share one layer, but stand in rows of their own: the table may say which.
    const at = name === 'layer' && index('row') >= 0 ? index('row') : index(name);
    return { name, at, values };
  });
  const known = wanted.filter(({ at }) => at >= 0);
  const lacks = wanted.some(({ name, at }) => at < 0 && name !== 'task');
  if (tensor < 0 || lacks || known.every(({ at }) => at === task)) return [];
  return table.rows
    .filter(
      (cells) => cells[tensor] !== null && known.every(({ at, values }) => values.has(String(cells[at]))),
    )
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
