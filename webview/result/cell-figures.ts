import { formatNumber, fullNumber } from '../../src/figure/number-text';
import type { Artifact, AxisEntry, Matrix } from '../../src/protocol/artifact';
import { unpackNumbers } from '../../src/protocol/numbers';
import { element } from '../dom';
import type { ChosenCell } from './matrix-figure';
import { facetTitle } from './shown';

/** A number that a result has for a cell. */
export interface CellFigure {
  readonly title: string;
  /** What the number means, e.g. `share`. */
  readonly unit: string;
  readonly value: number | null;
}

/** What every matrix over the same axes says of a cell: all metrics of the same task, the one of the cell's own matrix first. */
export function figuresOfCell(
  artifacts: readonly Artifact[],
  { matrix, row, column }: ChosenCell,
): CellFigure[] {
  const like = artifacts.filter(
    (other): other is Matrix => other.kind === 'matrix' && other !== matrix && isLike(other, matrix),
  );
  const at = row * matrix.columns.length + column;
  return [matrix, ...like].map((one) => {
    const metric = one.facets?.['metric'];
    return {
      title: metric === undefined ? one.title : facetTitle(artifacts, 'metric', metric),
      unit: one.unit,
      value: unpackNumbers(one.values)[at] ?? null,
    };
  });
}

/** The numbers of a cell, one below the other. */
export function cellFigures(figures: readonly CellFigure[]): HTMLElement {
  const list = element('dl', { class: 'figures cell-figures' });
  for (const { title, unit, value } of figures) {
    list.append(
      element(
        'div',
        { title: `${title} (${unit}): ${fullNumber(value)}` },
        element('dt', { text: title }),
        element('dd', { text: value === null ? 'undefined' : formatNumber(value) }),
      ),
    );
  }
  return list;
}

function isLike(a: Matrix, b: Matrix): boolean {
  const facets = ({ facets }: Matrix) =>
    JSON.stringify(
      Object.entries(facets ?? {})
        .filter(([name]) => name !== 'metric')
        .sort(),
    );
  return facets(a) === facets(b) && haveSameLabels(a.rows, b.rows) && haveSameLabels(a.columns, b.columns);
}

function haveSameLabels(a: readonly AxisEntry[], b: readonly AxisEntry[]): boolean {
  return a.length === b.length && a.every(({ label }, index) => label === b[index]?.label);
}
