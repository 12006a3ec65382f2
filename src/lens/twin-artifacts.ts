import type { Study } from '../model/study';
import type { Artifact, Matrix, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { taskBudgets, type TaskBudgets } from './twin-budgets';
import { twinAdvice } from './twin-notes';
import type { SharedModel, TwinTensor } from './twin-pass';

/** Which tensors count. */
const COVERAGE =
  'Counted: every floating-point tensor that a task shares with the base, of an adapter those it targets; tensors of one dimension are kept whole.';

interface TwinMetric {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly cell: string;
  of(tensors: readonly TwinTensor[]): number | null;
}

const METRICS: readonly TwinMetric[] = [
  {
    name: 'exclusive_energy',
    title: 'Exclusive energy',
    unit: '‖θ − θ*‖² / ‖τ‖²',
    cell: 'A cell takes its tensors as one vector. Above 1 the shared model is farther from the task than the base is.',
    of: (tensors) =>
      ratio(
        tensors,
        ({ exclusive }) => exclusive,
        ({ whole }) => whole,
      ),
  },
  {
    name: 'exclusive_rank95',
    title: 'Rank of the exclusive part',
    unit: 'rank for 95 %',
    cell: 'A cell is the mean over its matrices.',
    of: (tensors) => meanOf(tensors.map(({ exclusive, shape }) => (shape && exclusive?.rank95) ?? null)),
  },
  {
    name: 'task_rank95',
    title: 'Rank of the task vector',
    unit: 'rank for 95 %',
    cell: 'A cell is the mean over its matrices.',
    of: (tensors) => meanOf(tensors.map(({ whole, shape }) => (shape && whole?.rank95) ?? null)),
  },
];

/** Everything that the lens shows. */
export function twinArtifacts(
  study: Study,
  tensors: readonly TwinTensor[],
  shared: SharedModel,
  budgets: readonly number[],
): Artifact[] {
  const tasks = shared.experts.map((task) =>
    taskBudgets(
      study.tasks[task]?.name ?? '',
      tensors.filter((each) => each.task === task),
      budgets,
    ),
  );
  const about = `θ* is ${shared.text}. ${COVERAGE}`;
  return [
    twinAdvice(tasks, shared),
    ...heatmaps(study, tensors, shared, about),
    ...tasks.flatMap((task) => [errorCurve(task, about), bytesCurve(task, about)]),
    tensorTable(study, tensors, about),
    budgetTable(tasks, about),
  ];
}

function heatmaps(
  study: Study,
  tensors: readonly TwinTensor[],
  { experts }: SharedModel,
  about: string,
): Matrix[] {
  const axes = networkAxes(tensors.map(({ place }) => place));
  const size = axes.rows.length * axes.columns.length;
  const cells = experts.map((task) => {
    const own = Array.from({ length: size }, (): TwinTensor[] => []);
    for (const each of tensors) if (each.task === task) own[axes.cellOf(each.place)]?.push(each);
    return own;
  });
  return METRICS.flatMap((metric) => {
    const values = cells.map((own) => own.map((each) => metric.of(each)));
    const domain = fromZero(values.flat());
    return experts.map((task, index) => {
      const name = study.tasks[task]?.name ?? '';
      return networkMatrix(axes, values[index] ?? [], {
        id: `${metric.name}:${name}`,
        title: `${metric.title} · ${name}`,
        facets: { metric: metric.name, task: name },
        caption: `${metric.cell} ${about} ${AXES_CAPTION}`,
        unit: metric.unit,
        scale: 'sequential',
        domain,
      });
    });
  });
}

function errorCurve({ name, budgets, exclusiveError, wholeError }: TaskBudgets, about: string): Series {
  return {
    kind: 'series',
    id: `error:${name}`,
    title: `Error against rank · ${name}`,
    facets: { metric: 'error', task: name },
    caption: `‖θ − θ_k‖/‖τ‖ when every matrix keeps at most k ranks: of the exclusive part on top of the shared model, or of the task vector on top of the base. A matrix for which factors of that rank would save nothing is kept whole. ${about}`,
    x: { title: 'ranks kept', values: budgets },
    lines: [
      { name: 'exclusive part on θ*', task: name, values: packNumbers(exclusiveError) },
      { name: 'task vector on θ₀', task: name, values: packNumbers(wholeError) },
    ],
    unit: 'relative error',
    logarithmic: { x: true },
  };
}

function bytesCurve({ name, budgets, bytes, denseBytes }: TaskBudgets, about: string): Series {
  return {
    kind: 'series',
    id: `bytes:${name}`,
    title: `Bytes against rank · ${name}`,
    facets: { metric: 'bytes', task: name },
    caption: `What the factors of one task take in the base’s precision, k(m + n) numbers a matrix, beside the task stored whole. The shared model is stored once for all tasks. ${about}`,
    x: { title: 'ranks kept', values: budgets },
    lines: [
      { name: 'factors', task: name, values: packNumbers(bytes) },
      { name: 'stored whole', task: name, values: packNumbers(budgets.map(() => denseBytes)) },
    ],
    unit: 'bytes',
    logarithmic: { x: true, y: true },
  };
}

function tensorTable(study: Study, tensors: readonly TwinTensor[], about: string): Table {
  const rows = [...tensors]
    .sort((a, b) => a.task - b.task)
    .map((each): TableCell[] => {
      const { exclusive, whole, sharedNorm, shape, place } = each;
      const energy = whole && whole.norm > 0 ? whole.norm ** 2 : null;
      const ranks = (of: TwinTensor['whole']) =>
        [of?.rank90, of?.rank95, of?.rank99].map((rank) => (shape && rank) ?? null);
      return [
        each.tensor,
        study.tasks[each.task]?.name ?? '',
        energy && exclusive ? exclusive.norm ** 2 / energy : null,
        energy && sharedNorm !== null ? sharedNorm ** 2 / energy : null,
        ...ranks(exclusive),
        ...ranks(whole),
        exclusive?.norm ?? null,
        whole?.norm ?? null,
        place.layer,
        place.module,
        place.row,
      ];
    });
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Shared and exclusive',
    caption: `Energies are over ‖τ‖²; both need not add up to 1, since the parts are not orthogonal. Ranks for 90, 95 and 99 % of the energy. ${about}`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'exclusive_energy', title: '‖θ − θ*‖²/‖τ‖²', type: 'number' },
      { name: 'shared_energy', title: '‖θ* − θ₀‖²/‖τ‖²', type: 'number' },
      { name: 'rank90', title: 'Exclusive rank for 90 %', type: 'integer' },
      { name: 'rank95', title: '95 %', type: 'integer' },
      { name: 'rank99', title: '99 %', type: 'integer' },
      { name: 'task_rank90', title: 'Rank of τ for 90 %', type: 'integer' },
      { name: 'task_rank95', title: '95 %', type: 'integer' },
      { name: 'task_rank99', title: '99 %', type: 'integer' },
      { name: 'norm_exclusive', title: '‖θ − θ*‖', type: 'number' },
      { name: 'norm', title: '‖τ‖', type: 'number' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows,
  };
}

function budgetTable(tasks: readonly TaskBudgets[], about: string): Table {
  return {
    kind: 'table',
    id: 'budgets',
    title: 'Rank budgets',
    caption: `Error ‖θ − θ_k‖/‖τ‖ and bytes of one task when every matrix keeps at most that many ranks. ${about}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'rank', title: 'Ranks kept', type: 'integer' },
      { name: 'error_exclusive', title: 'Error on θ*', type: 'number' },
      { name: 'error_task', title: 'Error on θ₀', type: 'number' },
      { name: 'bytes', title: 'Bytes', type: 'bytes' },
      { name: 'share_of_dense', title: 'Of the task stored whole', type: 'share' },
    ],
    rows: tasks.flatMap((task) =>
      task.budgets.map((budget, at): TableCell[] => {
        const bytes = task.bytes[at] ?? null;
        return [
          task.name,
          budget,
          task.exclusiveError[at] ?? null,
          task.wholeError[at] ?? null,
          bytes,
          bytes !== null && task.denseBytes > 0 ? bytes / task.denseBytes : null,
        ];
      }),
    ),
  };
}

function ratio(
  tensors: readonly TwinTensor[],
  above: (tensor: TwinTensor) => TwinTensor['whole'],
  below: (tensor: TwinTensor) => TwinTensor['whole'],
): number | null {
  let [x, y] = [0, 0];
  for (const tensor of tensors) {
    const [a, b] = [above(tensor), below(tensor)];
    if (!a || !b) continue;
    x += a.norm ** 2;
    y += b.norm ** 2;
  }
  return y > 0 ? x / y : null;
}

function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length > 0 ? defined.reduce((sum, value) => sum + value, 0) / defined.length : null;
}
