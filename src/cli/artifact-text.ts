import { formatCell, formatCount, formatNumber, formatShare } from '../figure/number-text';
import type {
  Artifact,
  Graph,
  Histogram,
  LensResult,
  Matrix,
  Series,
  Table,
  Tree,
} from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { visible } from '../protocol/visible-text';
import { textTable, type TextColumn } from './text-table';

/** Rows of a table that a terminal gets; `--csv` has them all. */
const MOST_ROWS = 60;
/** Columns of a matrix that a terminal gets. */
const MOST_COLUMNS = 16;

/**
 * A result as a person reads it in a terminal: artifacts as text, long ones cut with a word on how to get the rest. Of
 * several figures that differ in a facet such as the metric, those of the first value are shown and the others named.
 */
export function resultText(result: LensResult): string {
  const shown = result.artifacts.filter((artifact) => isFirstOfItsKind(artifact, result.artifacts));
  const left = result.artifacts.filter((artifact) => !shown.includes(artifact)).map(({ id }) => id);
  const more = left.length > 0 ? [`More with --artifact ID: ${left.join(', ')}\n`] : [];
  return [`${visible(result.study)}\n`, ...shown.map(sectionText), ...more].join('\n');
}

/** One artifact below its title and caption. */
export function sectionText(artifact: Artifact): string {
  const facets = Object.values(artifact.facets ?? {}).join(' · ');
  const title = facets === '' ? artifact.title : `${artifact.title} (${facets})`;
  const caption = artifact.caption === undefined ? '' : `${visible(artifact.caption)}\n`;
  return `${visible(title)}\n${caption}${artifactText(artifact)}`;
}

/** Figures of different tasks stand below each other; of other facets, one value is enough. */
function isFirstOfItsKind({ kind, facets }: Artifact, all: readonly Artifact[]): boolean {
  const first = all.find((artifact) => artifact.kind === kind && artifact.facets !== undefined)?.facets;
  if (!facets || !first) return true;
  return Object.entries(facets).every(([name, value]) => name === 'task' || first[name] === value);
}

function artifactText(artifact: Artifact): string {
  switch (artifact.kind) {
    case 'matrix':
      return matrixText(artifact);
    case 'table':
      return tableText(artifact);
    case 'series':
      return seriesText(artifact);
    case 'histogram':
      return histogramText(artifact);
    case 'tree':
      return treeText(artifact);
    case 'graph':
      return graphText(artifact);
    case 'scatter':
      return `${formatCount(artifact.points.length)} points; --json has them.\n`;
    case 'note':
      return artifact.text
        .split('\n')
        .map((line) => `${visible(line)}\n`)
        .join('');
  }
}

function tableText({ columns, rows }: Table): string {
  const shown = columns.map((column, index) => ({ column, index })).filter(({ column }) => !column.hidden);
  const text = textTable(
    shown.map(({ column }) => ({ title: column.name, align: column.type === 'text' ? 'left' : 'right' })),
    rows
      .slice(0, MOST_ROWS)
      .map((row) => shown.map(({ column, index }) => formatCell(row[index] ?? null, column.type))),
  );
  return text + cut(rows.length, 'rows', '--csv --artifact ID has them all');
}

function matrixText({ rows, columns, rowTitle, values, unit }: Matrix): string {
  const cells = unpackNumbers(values);
  const format = unit === 'share' ? formatShare : (value: number | null) => formatNumber(value, 4);
  const titles: TextColumn[] = columns
    .slice(0, MOST_COLUMNS)
    .map((column) => ({ title: column.label, align: 'right' }));
  const text = textTable(
    [{ title: rowTitle, align: 'left' }, ...titles],
    rows
      .slice(0, MOST_ROWS)
      .map((row, index) => [
        row.label,
        ...titles.map((_, column) => format(cells[index * columns.length + column] ?? null)),
      ]),
  );
  const left = columns.length - titles.length;
  const more = left > 0 ? `... ${formatCount(left)} more columns; --json has them all.\n` : '';
  return text + cut(rows.length, 'rows', '--json has them all') + more;
}

function seriesText({ x, lines }: Series): string {
  const columns = lines.map((line) => unpackNumbers(line.values));
  const titles: TextColumn[] = lines.map((line) => ({ title: line.name, align: 'right' }));
  const text = textTable(
    [{ title: x.title, align: 'left' }, ...titles],
    x.values
      .slice(0, MOST_ROWS)
      .map((at, index) => [String(at), ...columns.map((values) => formatNumber(values[index] ?? null))]),
  );
  return text + cut(x.values.length, 'points', '--json has them all');
}

function graphText({ nodes, edges, unit }: Graph): string {
  const name = (index: number) => nodes[index]?.entry.label ?? '';
  const text = textTable(
    [
      { title: 'from', align: 'left' },
      { title: 'to', align: 'left' },
      { title: 'group', align: 'left' },
      { title: unit, align: 'right' },
    ],
    edges
      .slice(0, MOST_ROWS)
      .map(({ from, to, group, weight }) => [name(from), name(to), group ?? '', formatNumber(weight)]),
  );
  return text + cut(edges.length, 'edges', '--json has them all');
}

function histogramText({ edges, counts }: Histogram): string {
  const most = Math.max(1, ...counts);
  const rows = counts.map((count, index) => [
    formatNumber(edges[index] ?? null, 4),
    formatCount(count),
    '█'.repeat(Math.round((40 * count) / most)),
  ]);
  return textTable(
    [
      { title: 'from', align: 'right' },
      { title: 'count', align: 'right' },
      { title: '', align: 'left' },
    ],
    rows,
  );
}

function treeText({ leaves, merges, order }: Tree): string {
  const names = order.map((leaf) => leaves[leaf]?.label ?? '').join(', ');
  const heights = merges.map((merge) => formatNumber(merge.height, 4)).join(', ');
  return `Order: ${visible(names)}\nHeights: ${heights}\n`;
}

function cut(length: number, noun: string, where: string): string {
  return length > MOST_ROWS ? `... ${formatCount(length - MOST_ROWS)} more ${noun}; ${where}.\n` : '';
}
