import type { CheckpointView, TensorColumns } from '../../protocol/checkpoint';
import { shapeText } from '../shape-text';
import { manifestHeader } from './manifest-header';
import { manifestSections } from './manifest-layout';
import { writtenName } from './written-name';

/** Longer names stand out of their column, so that one of them does not push all others apart. */
const WIDEST_NAME = 96;
/** In characters. VS Code folds and colours no text above 20 MB, so columns of larger ones are not filled up with spaces. */
const LONGEST_ALIGNED = 18_000_000;

interface Column {
  readonly title: string;
  readonly right: boolean;
  readonly text: (tensors: TensorColumns, index: number) => string;
  /** Characters of the longest text of a checkpoint. */
  readonly widest: (tensors: TensorColumns) => number;
}

/** What the tensor is. */
const ALWAYS: readonly Column[] = [
  words('# name', (tensors) => tensors.name),
  words('dtype', (tensors) => tensors.dtype),
  {
    title: 'shape',
    right: false,
    text: ({ shape }, index) => shapeText(shape[index] ?? []),
    widest: ({ shape }) => longest(shape, (each) => shapeText(each).length),
  },
  numbers('parameters', (tensors) => tensors.parameters),
  numbers('bytes', (tensors) => tensors.bytes),
];
/** Where it lies: moves with every tensor before it. */
const OFFSET = numbers('offset', (tensors) => tensors.offset);
const FILE = numbers('file', (tensors) => tensors.file, 1);

function words(title: string, of: (tensors: TensorColumns) => readonly string[]): Column {
  return {
    title,
    right: false,
    text: (tensors, index) => writtenName(of(tensors)[index] ?? ''),
    widest: (tensors) => longest(of(tensors), (each) => writtenName(each).length),
  };
}

/** No number here is negative, so the largest is the longest. */
function numbers(title: string, of: (tensors: TensorColumns) => readonly number[], first = 0): Column {
  return {
    title,
    right: true,
    text: (tensors, index) => String((of(tensors)[index] ?? 0) + first),
    widest: (tensors) => String(longest(of(tensors), (each) => each) + first).length,
  };
}

function longest<T>(values: readonly T[], of: (value: T) => number): number {
  let most = 0;
  for (const value of values) most = Math.max(most, of(value));
  return most;
}

/**
 * A checkpoint as text: what it is as a whole in lines that begin with `#`, then its tensors, one a line, layer by layer
 * below `[layer]`. Deterministic. Of a checkpoint of one file the column `file` is left out.
 */
export function manifestText(view: CheckpointView): string {
  const columns = [...ALWAYS, OFFSET, ...(view.files.length > 1 ? [FILE] : [])];
  return textOf(view, columns, manifestHeader(view), [view]);
}

/**
 * The manifest as one side of a comparison with `other`: without name, files and offsets, and with columns as wide as both
 * need, so that lines differ only where tensors do.
 */
export function manifestDiffText(view: CheckpointView, other: CheckpointView): string {
  return textOf(view, ALWAYS, manifestHeader(view, true), [view, other]);
}

function textOf(
  view: CheckpointView,
  columns: readonly Column[],
  header: readonly string[],
  measured: readonly CheckpointView[],
): string {
  const widths = columnWidths(columns, measured);
  const lines = [...header, rowText(columns, widths, ({ title }) => title)];
  for (const { title, tensors } of manifestSections(view.tensors)) {
    lines.push('', `[${writtenName(title)}]`);
    for (const index of tensors)
      lines.push(rowText(columns, widths, ({ text }) => text(view.tensors, index)));
  }
  return `${lines.join('\n')}\n`;
}

function rowText(
  columns: readonly Column[],
  widths: readonly number[],
  textOf: (column: Column) => string,
): string {
  // Joined, not added up: with 200,000 rows, strings of strings take twice as long.
  const cells = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    return column.right ? textOf(column).padStart(width) : textOf(column).padEnd(width);
  });
  return cells.join('  ');
}

/** Width of each column in characters; zeros where a text of aligned columns would be too long. */
function columnWidths(columns: readonly Column[], measured: readonly CheckpointView[]): readonly number[] {
  const widths = columns.map(({ title, widest }, index) => {
    const needed = Math.max(title.length, ...measured.map(({ tensors }) => widest(tensors)));
    return index === 0 ? Math.min(needed, WIDEST_NAME) : needed;
  });
  const row = widths.reduce((sum, width) => sum + width + 2, 0);
  const rows = Math.max(...measured.map(({ tensorCount }) => tensorCount));
  return row * rows > LONGEST_ALIGNED ? widths.map(() => 0) : widths;
}
