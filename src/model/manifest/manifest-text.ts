import type { CheckpointView, TensorColumns } from '../../protocol/checkpoint';
import { shapeText } from '../shape-text';
import { digitsOf, LineWriter } from './line-writer';
import { manifestHeader } from './manifest-header';
import { manifestSections } from './manifest-layout';
import { writtenName } from './written-name';

/** Longer names stand out of their column, so that one of them does not push all others apart. */
const WIDEST_NAME = 96;
/** In characters. VS Code folds and colours no text above 20 MiB, so columns come closer there, and then are not filled up. */
const LONGEST_COLOURED = 20 * 2 ** 20;

interface Column {
  readonly title: string;
  readonly right: boolean;
  readonly cells: (tensors: TensorColumns) => Cells;
}

/** What stands in a column, in characters the widest of it and all together. */
interface Cells {
  readonly widest: number;
  readonly total: number;
  readonly write: (to: LineWriter, index: number, width: number) => void;
}

/** What the tensor is. */
const ALWAYS: readonly Column[] = [
  words('# name', (tensors) => tensors.name),
  words('dtype', (tensors) => tensors.dtype),
  { title: 'shape', right: false, cells: shapeCells },
  numbers('parameters', (tensors) => tensors.parameters),
  numbers('bytes', (tensors) => tensors.bytes),
];
/** Where it lies: moves with every tensor before it. */
const OFFSET = numbers('offset', (tensors) => tensors.offset);
const FILE = numbers('file', (tensors) => tensors.file, 1);

function words(title: string, of: (tensors: TensorColumns) => readonly string[]): Column {
  const cells = (tensors: TensorColumns): Cells => {
    const texts = of(tensors).map(writtenName);
    return {
      ...measure(texts, (text) => text.length),
      write: (to, index, width) => to.left(texts[index] ?? '', width),
    };
  };
  return { title, right: false, cells };
}

function numbers(title: string, of: (tensors: TensorColumns) => readonly number[], first = 0): Column {
  const cells = (tensors: TensorColumns): Cells => {
    const values = of(tensors);
    return {
      ...measure(values, (value) => digitsOf(value + first)),
      write: (to, index, width) => to.number((values[index] ?? 0) + first, width),
    };
  };
  return { title, right: true, cells };
}

function shapeCells({ shape: shapes }: TensorColumns): Cells {
  // Few shapes, and those that follow one another often the same.
  let last: readonly number[] | undefined;
  let text = '';
  const textAt = (shape: readonly number[]) => {
    if (shape !== last) text = shapeText(shape);
    last = shape;
    return text;
  };
  return {
    ...measure(shapes, (shape) => textAt(shape).length),
    write: (to, index, width) => to.left(textAt(shapes[index] ?? []), width),
  };
}

function measure<T>(values: readonly T[], lengthOf: (value: T) => number): Pick<Cells, 'widest' | 'total'> {
  let widest = 0;
  let total = 0;
  for (const value of values) {
    const length = lengthOf(value);
    if (length > widest) widest = length;
    total += length;
  }
  return { widest, total };
}

/**
 * A checkpoint as text: what it is as a whole in lines that begin with `#`, then its tensors, one a line, layer by layer
 * below `[layer]`. Deterministic. Of a checkpoint of one file the column `file` is left out.
 */
export function manifestText(view: CheckpointView): string {
  return writeManifest(view).toString();
}

/** {@link manifestText} in UTF-8, which of a long text spares making the string. */
export function manifestBytes(view: CheckpointView): Uint8Array {
  return writeManifest(view).toBytes();
}

function writeManifest(view: CheckpointView): LineWriter {
  const columns = [...ALWAYS, OFFSET, ...(view.files.length > 1 ? [FILE] : [])];
  return write(view, columns, manifestHeader(view), [view]);
}

/**
 * The manifest as one side of a comparison with `other`: without name, files and offsets, and with columns as wide as both
 * need, so that lines differ only where tensors do.
 */
export function manifestDiffText(view: CheckpointView, other: CheckpointView): string {
  return writeDiff(view, other).toString();
}

/** {@link manifestDiffText} in UTF-8. */
export function manifestDiffBytes(view: CheckpointView, other: CheckpointView): Uint8Array {
  return writeDiff(view, other).toBytes();
}

function writeDiff(view: CheckpointView, other: CheckpointView): LineWriter {
  return write(view, ALWAYS, manifestHeader(view, true), [view, other]);
}

function write(
  view: CheckpointView,
  columns: readonly Column[],
  header: readonly string[],
  measured: readonly CheckpointView[],
): LineWriter {
  const sections = manifestSections(view.tensors);
  const above = header.reduce((sum, line) => sum + line.length + 1, 0);
  const between = sections.reduce((sum, { title }) => sum + title.length + 4, 0);
  const cells = columns.map((column) => measured.map(({ tensors }) => column.cells(tensors)));
  const own = cells.flatMap(([first]) => first ?? []);
  const { widths, gap, characters } = layoutOf(columns, cells, measured, above + between);
  const writer = new LineWriter(characters);
  const line = (text: string) => {
    writer.left(text, 0);
    writer.endLine();
  };
  header.forEach(line);
  for (const [at, { title, right }] of columns.entries()) {
    if (at > 0) writer.spaces(gap);
    if (right) writer.right(title, widths[at] ?? 0);
    else writer.left(title, widths[at] ?? 0);
  }
  writer.endLine();
  for (const { title, tensors } of sections) {
    line('');
    line(`[${writtenName(title)}]`);
    for (const index of tensors) writeRow(writer, own, widths, gap, index);
  }
  return writer;
}

function writeRow(
  writer: LineWriter,
  cells: readonly Cells[],
  widths: readonly number[],
  gap: number,
  index: number,
): void {
  for (let at = 0; at < cells.length; at++) {
    if (at > 0) writer.spaces(gap);
    cells[at]?.write(writer, index, widths[at] ?? 0);
  }
  writer.endLine();
}

/** Width of each column, zero where it is not filled up, and how many spaces stand between two. In characters. */
interface Layout {
  readonly widths: readonly number[];
  readonly gap: number;
  /** Of the whole text; more where names stand out of their column. */
  readonly characters: number;
}

/**
 * Columns as wide as their texts, with two spaces between them, or one where the text would be too long to be coloured; not
 * filled up where only that keeps it short enough. A text that is too long in any way is aligned all the same.
 */
function layoutOf(
  columns: readonly Column[],
  cells: readonly (readonly Cells[])[],
  measured: readonly CheckpointView[],
  besides: number,
): Layout {
  const measures = columns.map(({ title }, at) => {
    const each = cells[at] ?? [];
    const widest = Math.max(title.length, ...each.map((one) => one.widest));
    return {
      width: at === 0 ? Math.min(widest, WIDEST_NAME) : widest,
      total: Math.max(...each.map(({ total }) => total)),
    };
  });
  const rows = Math.max(...measured.map(({ tensorCount }) => tensorCount));
  const widths = measures.map(({ width }) => width);
  const aligned = sum(widths) * rows;
  const bare = sum(measures.map(({ total }) => total));
  const layout = (cells: number, gap: number, isAligned = true): Layout => ({
    widths: isAligned ? widths : widths.map(() => 0),
    gap,
    characters: besides + cells + rows * (gap * (columns.length - 1) + 1),
  });
  const wide = layout(aligned, 2);
  const layouts = [wide, layout(aligned, 1), layout(bare, 1, false)];
  return layouts.find(({ characters }) => characters < LONGEST_COLOURED) ?? wide;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
