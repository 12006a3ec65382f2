import type { AxisEntry, Graph, Scatter, Series, Tree } from '../protocol/artifact';

/**
 * The axis entries that the marks of a figure stand for: a mark carries its number in `data-entry`, so that a view
 * knows what was clicked and which marks a selection means. Scatters: points; trees: leaves; graphs: nodes;
 * series: every x of every line, line by line.
 */
export function entriesOf(figure: Scatter | Tree | Graph | Series): readonly AxisEntry[] {
  switch (figure.kind) {
    case 'scatter':
      return figure.points;
    case 'tree':
      return figure.leaves;
    case 'graph':
      return figure.nodes.map((node) => node.entry);
    case 'series':
      return figure.lines.flatMap((line) =>
        figure.x.values.map((value, position) => seriesPoint(figure, line, value, position)),
      );
  }
}

function seriesPoint(
  { places }: Series,
  { name, task }: Series['lines'][number],
  value: number | string,
  position: number,
): AxisEntry {
  const place = places?.[position];
  const label = `${name}, ${place?.label ?? String(value)}`;
  return { ...place, label, ...(task === undefined ? {} : { task }) };
}

/** Number of the entry of one x of one line. */
export function seriesEntry(series: Series, line: number, position: number): number {
  return line * series.x.values.length + position;
}

/** The attributes of a mark that stands for an entry. */
export function entryMark(index: number): Readonly<Record<string, number>> {
  return { 'data-entry': index };
}
