import type { TensorEntry } from '../format/checkpoint';
import { shapeText } from '../model/adapter';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Matrix, Note, Series, Table, TableCell, TableColumn } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { AXES_CAPTION, networkAxes, networkMatrix, type NetworkAxes } from './network-axes';
import { WIDTHS, type NestedFigures, type NestedUnits } from './prefix-energy';
import { percent, wholeText } from './wording';

/** Rows are output units, columns input units. */
export type UnitAxis = 'rows' | 'columns';
const UNIT_AXES: readonly UnitAxis[] = ['rows', 'columns'];
const AXIS_NAMES: Readonly<Record<UnitAxis, string>> = { rows: 'output units', columns: 'input units' };

/** One weight with what its leading units hold. */
export interface NestedTensor {
  readonly entry: TensorEntry;
  readonly place: Place;
  readonly axes: Readonly<Record<UnitAxis, NestedUnits>>;
}

/** One checkpoint with its weights in network order. */
export interface NestedCheckpoint {
  readonly name: string;
  readonly tensors: NestedTensor[];
}

const COVERAGE =
  'Counted: floating-point tensors of two dimensions or more, of base and fine-tunes; rows are the first dimension, columns the second.';

/** Nestedness by layer and module, of rows and of columns. */
export function nestedHeatmaps(checkpoints: readonly NestedCheckpoint[]): Matrix[] {
  const axes = networkAxes(checkpoints.flatMap(({ tensors }) => tensors.map(({ place }) => place)));
  return UNIT_AXES.flatMap((axis) =>
    checkpoints.map(({ name, tensors }) => {
      const values = meansInCells(axes, tensors, axis);
      return networkMatrix(axes, values, {
        id: `${axis}:${name}`,
        title: `Nestedness of ${AXIS_NAMES[axis]} · ${name}`,
        facets: { metric: axis, task: name },
        caption: `proxy: 1 for units sorted by falling energy, 0 for no order, −1 for rising energy. A cell is the mean of its tensors. ${COVERAGE} ${AXES_CAPTION}`,
        unit: 'nestedness',
        scale: 'diverging',
        domain: values.some((value) => value !== null) ? [-1, 1] : null,
      });
    }),
  );
}

function meansInCells(
  axes: NetworkAxes,
  tensors: readonly NestedTensor[],
  axis: UnitAxis,
): (number | null)[] {
  const cells = axes.rows.length * axes.columns.length;
  const sums = new Float64Array(cells);
  const counts = new Float64Array(cells);
  for (const { place, axes: own } of tensors) {
    const value = own[axis].figures.nestedness;
    const cell = axes.cellOf(place);
    if (value === null) continue;
    sums[cell] = (sums[cell] as number) + value;
    counts[cell] = (counts[cell] as number) + 1;
  }
  return Array.from(sums, (sum, cell) => (counts[cell] === 0 ? null : sum / (counts[cell] as number)));
}

/** What the first units hold at growing widths, mean over weights of a role, beside equal units and sorted ones. */
export function nestedSeries(checkpoints: readonly NestedCheckpoint[]): Series[] {
  return UNIT_AXES.flatMap((axis) =>
    checkpoints.map(({ name, tensors }): Series => {
      const roles = [...new Set(tensors.map(({ place }) => place.role))];
      const lines = [
        ...roles.map((role) => ({
          name: role,
          values: meanCurve(
            tensors.filter(({ place }) => place.role === role).map((each) => each.axes[axis].given),
          ),
        })),
        { name: 'all, sorted', values: meanCurve(tensors.map((each) => each.axes[axis].sorted)) },
        { name: 'equal units', values: [...WIDTHS] },
      ];
      return {
        kind: 'series',
        id: `widths:${axis}:${name}`,
        title: `Energy of the first ${AXIS_NAMES[axis]} · ${name}`,
        facets: { metric: axis, task: name },
        caption: `Share of Σx² in the leading units, mean over the weights of a role; "sorted" takes the units with most energy first. ${COVERAGE}`,
        x: { title: 'width', values: WIDTHS },
        lines: lines.map(({ name: line, values }) => ({
          name: line,
          values: packNumbers(values),
          task: name,
        })),
        unit: 'share of Σx²',
      };
    }),
  );
}

function meanCurve(curves: readonly (readonly number[] | null)[]): (number | null)[] {
  const known = curves.filter((curve) => curve !== null);
  if (known.length === 0) return WIDTHS.map(() => null);
  return WIDTHS.map((_, at) => known.reduce((sum, curve) => sum + (curve[at] ?? 0), 0) / known.length);
}

const FIGURES: readonly (TableColumn & { readonly name: keyof NestedFigures })[] = [
  { name: 'nestedness', title: 'Nestedness', type: 'number' },
  { name: 'spearman', title: 'Rank correlation', type: 'number' },
  { name: 'energy_quarter', title: 'First quarter', type: 'share' },
  { name: 'energy_half', title: 'First half', type: 'share' },
  { name: 'energy_three_quarters', title: 'First three quarters', type: 'share' },
  { name: 'sorted_half', title: 'Sorted half', type: 'share' },
];

/** Both axes of every weight of every checkpoint. */
export function nestedTable(checkpoints: readonly NestedCheckpoint[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    caption: COVERAGE,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'axis', title: 'Axis', type: 'text' },
      { name: 'units', title: 'Units', type: 'integer' },
      ...FIGURES,
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
      { name: 'task', title: 'Task', type: 'text', hidden: true },
    ],
    rows: checkpoints.flatMap(({ name, tensors }) =>
      tensors.flatMap(({ entry, place, axes }) =>
        UNIT_AXES.map((axis): TableCell[] => [
          entry.name,
          name,
          axis,
          axes[axis].units,
          ...FIGURES.map((figure) => axes[axis].figures[figure.name]),
          place.layer,
          place.module,
          shapeText(entry.span.shape),
          place.row,
          name,
        ]),
      ),
    ),
  };
}

/** From this rank correlation on units are called sorted. */
const SORTED = 0.5;
const CHECKPOINTS_SHOWN = 12;

/** Whether checkpoints may be cut to a smaller width as they are. */
export function nestedNote(study: Study, checkpoints: readonly NestedCheckpoint[]): Note {
  const adapters = study.tasks.filter(({ kind }) => kind === 'factored').map(({ name }) => name);
  const more = checkpoints.length - CHECKPOINTS_SHOWN;
  return {
    kind: 'note',
    id: 'advice',
    title: 'Whether a smaller width can be cut out',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...checkpoints.slice(0, CHECKPOINTS_SHOWN).map((each) => `${each.name}: ${checkpointText(each)}.`),
      ...(more > 0 ? [`The table "tensors" has ${wholeText(more)} more checkpoints.`] : []),
      ...(adapters.length > 0
        ? [
            `Left out: ${adapters.slice(0, 6).join(', ')}${adapters.length > 6 ? ', …' : ''}: adapters have no widths of their own.`,
          ]
        : []),
      'Limits: energy is not accuracy, and units that pass from one tensor to the next must be cut, or sorted, together.',
    ].join('\n'),
  };
}

function checkpointText({ tensors }: NestedCheckpoint): string {
  const sides = UNIT_AXES.map((axis) => {
    const own = tensors.map((each) => each.axes[axis].figures);
    const sorted = own.filter(({ spearman }) => spearman !== null && spearman >= SORTED).length;
    return { axis, sorted, half: meanOf(own, 'energy_half'), best: meanOf(own, 'sorted_half') };
  });
  const counts = sides
    .map(
      ({ axis, sorted }) =>
        `${wholeText(sorted)} of ${wholeText(tensors.length)} weights have sorted ${AXIS_NAMES[axis]}`,
    )
    .join(', ');
  const rows = sides[0];
  if (!rows || rows.half === null || rows.best === null) return 'every weight is 0';
  const nested = sides.some(({ sorted }) => sorted * 2 >= tensors.length);
  const advice = nested
    ? `it looks nested: the first half of the output units holds ${percent(rows.half)}, so try its smaller widths as they are`
    : `not nested: the first half of the output units holds ${percent(rows.half)}; sort units before cutting, which would make it ${percent(rows.best)}`;
  return `${counts}; ${advice}`;
}

function meanOf(figures: readonly NestedFigures[], name: keyof NestedFigures): number | null {
  const values = figures.flatMap((each) => each[name] ?? []);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
