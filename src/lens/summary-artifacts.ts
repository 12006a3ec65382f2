import type { TensorEntry } from '../format/checkpoint';
import { shapeText } from '../model/adapter';
import { compareModules } from '../model/naming';
import type { Place } from '../model/place';
import type { Matrix, Table, TableCell, TableColumn } from '../protocol/artifact';
import type { Moments } from '../tensor/pass';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix, type NetworkAxes } from './network-axes';
import { finiteOrNull } from './profile-sums';
import { placeInFile } from '../tensor/span';

/** A tensor and where it stands. */
export interface PlacedTensor {
  readonly entry: TensorEntry;
  readonly place: Place;
}

/** One checkpoint of a study with the moments of its tensors; a tensor without any has no statistics. */
export interface SummarisedCheckpoint {
  readonly name: string;
  readonly path: string;
  /** In network order. */
  readonly tensors: readonly PlacedTensor[];
  readonly moments: ReadonlyMap<TensorEntry, Moments>;
}

const STATISTICS: readonly TableColumn[] = [
  { name: 'count', title: 'Entries', type: 'integer' },
  { name: 'mean', title: 'Mean', type: 'number' },
  { name: 'std', title: 'Standard deviation', type: 'number' },
  { name: 'min', title: 'Least', type: 'number' },
  { name: 'max', title: 'Greatest', type: 'number' },
  { name: 'absmax', title: 'Greatest magnitude', type: 'number' },
  { name: 'l1', title: 'Σ|x|', type: 'number' },
  { name: 'l2', title: '√Σx²', type: 'number' },
  { name: 'zeros', title: 'Zeros', type: 'integer' },
  { name: 'nan', title: 'NaN', type: 'integer' },
  { name: 'inf', title: '±Inf', type: 'integer' },
];

/** One row per tensor and checkpoint. */
export function summaryTable(checkpoints: readonly SummarisedCheckpoint[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    caption: 'Over the finite entries of a tensor; the standard deviation divides by n.',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'dtype', title: 'Dtype', type: 'text' },
      ...STATISTICS,
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
      { name: 'task', title: 'Task', type: 'text', hidden: true },
    ],
    rows: checkpoints.flatMap(({ name, tensors, moments }) =>
      tensors.map(({ entry, place }): TableCell[] => {
        const { shape, dtype, count } = entry.span;
        const own = [entry.name, name, place.layer, place.module, shapeText(shape), dtype, count];
        return [...own, ...statisticCells(moments.get(entry)), place.row, name];
      }),
    ),
  };
}

/** Cells for {@link STATISTICS} after `count`; all undefined without moments. */
function statisticCells(moments: Moments | undefined): TableCell[] {
  if (!moments) return STATISTICS.slice(1).map(() => null);
  const { finite, mean, m2, min, max, l1, squares, zeros, nan, inf } = moments;
  const values =
    finite === 0
      ? [null, null, null, null, null, null, null]
      : [
          mean,
          Math.sqrt(m2 / finite),
          min,
          max,
          Math.max(Math.abs(min), Math.abs(max)),
          l1,
          Math.sqrt(squares),
        ];
  return [...values.map(finiteOrNull), zeros, nan, inf];
}

/** Counts by dtype and by module. */
export function breakdownTables(checkpoints: readonly SummarisedCheckpoint[]): Table[] {
  const dtypeOf = ({ entry }: PlacedTensor) => placeInFile(entry.span).label;
  const moduleOf = ({ place }: PlacedTensor) => place.module;
  return [
    breakdown(checkpoints, 'dtypes', 'Dtypes', 'dtype', dtypeOf, () => 0),
    breakdown(checkpoints, 'modules', 'Modules', 'module', moduleOf, compareModules),
  ];
}

function breakdown(
  checkpoints: readonly SummarisedCheckpoint[],
  id: string,
  title: string,
  column: string,
  keyOf: (tensor: PlacedTensor) => string,
  compare: (a: string, b: string) => number,
): Table {
  const rows = checkpoints.flatMap(({ name, tensors: own }) => {
    const counts = new Map<string, { tensors: number; parameters: number; bytes: number }>();
    for (const tensor of own) {
      const key = keyOf(tensor);
      const sum = counts.get(key) ?? { tensors: 0, parameters: 0, bytes: 0 };
      sum.tensors += 1;
      sum.parameters += tensor.entry.span.count;
      sum.bytes += placeInFile(tensor.entry.span).bytes;
      counts.set(key, sum);
    }
    return [...counts]
      .sort(([a], [b]) => compare(a, b))
      .map(([key, { tensors, parameters, bytes }]): TableCell[] => [name, key, tensors, parameters, bytes]);
  });
  return {
    kind: 'table',
    id,
    title,
    columns: [
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: column, title: title.slice(0, -1), type: 'text' },
      { name: 'tensors', title: 'Tensors', type: 'integer' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'bytes', title: 'Bytes', type: 'bytes' },
    ],
    rows,
  };
}

/** Layer × module: root mean square of the values, and number of parameters, of every checkpoint. */
export function summaryMatrices(checkpoints: readonly SummarisedCheckpoint[]): Matrix[] {
  const axes = networkAxes(checkpoints.flatMap(({ tensors }) => tensors.map(({ place }) => place)));
  const rms = checkpoints.map((each) => rootMeanSquares(axes, each));
  const parameters = checkpoints.map((each) => parameterCounts(axes, each));
  const [rmsDomain, parameterDomain] = [fromZero(rms.flat()), fromZero(parameters.flat())];
  return [
    ...checkpoints.map(({ name }, index) =>
      networkMatrix(axes, rms[index] ?? [], {
        id: `rms:${name}`,
        title: `Root mean square · ${name}`,
        facets: { metric: 'rms', task: name },
        caption: `A cell is √(Σx²/n) over the finite entries of its tensors. ${AXES_CAPTION}`,
        unit: '√(Σx²/n)',
        scale: 'sequential',
        domain: rmsDomain,
      }),
    ),
    ...checkpoints.map(({ name }, index) =>
      networkMatrix(axes, parameters[index] ?? [], {
        id: `parameters:${name}`,
        title: `Parameters · ${name}`,
        facets: { metric: 'parameters', task: name },
        caption: `A cell is the number of entries of its tensors. ${AXES_CAPTION}`,
        unit: 'parameters',
        scale: 'sequential',
        domain: parameterDomain,
      }),
    ),
  ];
}

function rootMeanSquares(axes: NetworkAxes, { tensors, moments }: SummarisedCheckpoint): (number | null)[] {
  const cells = axes.rows.length * axes.columns.length;
  const squares = new Float64Array(cells);
  const finite = new Float64Array(cells);
  for (const { entry, place } of tensors) {
    const own = moments.get(entry);
    const cell = axes.cellOf(place);
    if (!own) continue;
    squares[cell] = (squares[cell] as number) + own.squares;
    finite[cell] = (finite[cell] as number) + own.finite;
  }
  return Array.from(squares, (sum, cell) => finiteOrNull(Math.sqrt(sum / (finite[cell] as number))));
}

function parameterCounts(axes: NetworkAxes, { tensors }: SummarisedCheckpoint): (number | null)[] {
  const counts = new Array<number | null>(axes.rows.length * axes.columns.length).fill(null);
  for (const { entry, place } of tensors) {
    const cell = axes.cellOf(place);
    counts[cell] = (counts[cell] ?? 0) + entry.span.count;
  }
  return counts;
}
