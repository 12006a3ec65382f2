import type { Artifact, LensResult, Matrix, Note, Table, TableCell } from '../../src/protocol/artifact';
import { packNumbers, unpackNumbers } from '../../src/protocol/numbers';

/**
 * What differs between two results of one lens, b − a, for a drawing: matrices and tables that have the same axes in both. The
 * rest has no difference; where nothing has, a note says so.
 */
export function differenceOf(a: LensResult, b: LensResult): LensResult {
  const found = b.artifacts.flatMap((later): (Matrix | Table)[] => {
    const earlier = a.artifacts.find(({ id, kind }) => id === later.id && kind === later.kind);
    if (later.kind === 'matrix' && earlier?.kind === 'matrix') return matrixDifference(earlier, later);
    return later.kind === 'table' && earlier?.kind === 'table' ? tableDifference(earlier, later) : [];
  });
  const artifacts: readonly Artifact[] = found.length > 0 ? found : [NOTHING];
  return { ...b, artifacts, findings: [], elapsedMs: 0, bytesRead: 0 };
}

const NOTHING: Note = {
  kind: 'note',
  id: 'no-difference',
  title: 'No difference to draw',
  severity: 'information',
  text: 'The two results have no matrix and no table with the same axes.',
};

const CAPTION = 'b − a, cell by cell, from the two results as they are; undefined where either is.';

/** One matrix, or none where axes differ or where cells are categories. */
function matrixDifference(a: Matrix, b: Matrix): Matrix[] {
  if (!hasSameLabels(a.rows, b.rows) || !hasSameLabels(a.columns, b.columns)) return [];
  if (a.scale === 'categorical' || b.scale === 'categorical') return [];
  const before = unpackNumbers(a.values);
  const values = unpackNumbers(b.values).map((value, index) => {
    const from = before[index] ?? null;
    return value === null || from === null ? null : value - from;
  });
  const most = values.reduce<number>(
    (largest, value) =>
      value !== null && Number.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest,
    0,
  );
  return [
    {
      ...b,
      title: `Difference · ${b.title}`,
      caption: b.caption ? `${CAPTION} ${b.caption}` : CAPTION,
      values: packNumbers(values),
      unit: `difference of ${b.unit}`,
      scale: 'diverging',
      domain: most > 0 ? [-most, most] : [-1, 1],
    },
  ];
}

function hasSameLabels(a: Matrix['rows'], b: Matrix['rows']): boolean {
  return a.length === b.length && a.every(({ label }, index) => label === b[index]?.label);
}

/** One table over the rows that both have, known by their texts; none where columns differ or texts do not tell rows apart. */
function tableDifference(a: Table, b: Table): Table[] {
  const isSame = (column: Table['columns'][number], index: number) =>
    column.name === a.columns[index]?.name && column.type === a.columns[index].type;
  if (a.columns.length !== b.columns.length || !b.columns.every(isSame)) return [];
  const isNumber = b.columns.map(({ type }) => type !== 'text' && type !== 'boolean');
  if (!isNumber.includes(true) || !isNumber.includes(false)) return [];
  const key = (row: readonly TableCell[]) => JSON.stringify(row.filter((_, index) => !isNumber[index]));
  const before = new Map(a.rows.map((row) => [key(row), row]));
  const keys = new Set(b.rows.map(key));
  if (before.size !== a.rows.length || keys.size !== b.rows.length) return [];
  const rows = b.rows.flatMap((row) => {
    const from = before.get(key(row));
    if (!from) return [];
    return [row.map((cell, index) => (isNumber[index] ? minus(cell, from[index] ?? null) : cell))];
  });
  if (rows.length === 0) return [];
  const left = a.rows.length + b.rows.length - 2 * rows.length;
  return [
    {
      ...b,
      title: `Difference · ${b.title}`,
      caption: left > 0 ? `${CAPTION} Rows that only one of the results has: ${String(left)}.` : CAPTION,
      columns: b.columns.map((column, index) =>
        isNumber[index]
          ? { ...column, title: `Δ ${column.title}`, type: column.type === 'bytes' ? 'number' : column.type }
          : column,
      ),
      rows,
    },
  ];
}

function minus(cell: TableCell, from: TableCell): TableCell {
  return typeof cell === 'number' && typeof from === 'number' ? cell - from : null;
}
