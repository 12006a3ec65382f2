import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import type { Note, Table, TableCell } from '../protocol/artifact';
import { rowShares, type TensorActivity } from './active-tensors';
import type { NetworkAxes } from './network-axes';
import { rowRanges } from './row-ranges';
import { bytesText, countText, shortNumber } from './wording';

/** What has to be stored of one task. */
interface Stored {
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** Cost of the base once and of each task's own tensors: base + Σ active. */
export function storageTable(study: Study, activity: readonly TensorActivity[]): Table {
  const whole = sizeOf(activity);
  const own = study.tasks.map((task, index) => storedOf(task, index, activity));
  const copies = whole.parameters * Math.max(1, study.tasks.length);
  const all = own.reduce(add, whole);
  const rows: TableCell[][] = [
    ['all', all.tensors, all.parameters, all.bytes, copies > 0 ? all.parameters / copies : null],
    ['base', whole.tensors, whole.parameters, whole.bytes, copies > 0 ? whole.parameters / copies : null],
    ...study.tasks.map(({ name }, index): TableCell[] => {
      const { tensors = 0, parameters = 0, bytes = 0 } = own[index] ?? {};
      return [name, tensors, parameters, bytes, copies > 0 ? parameters / copies : null];
    }),
  ];
  return {
    kind: 'table',
    id: 'storage',
    title: 'What has to be stored',
    caption:
      'The base once, and of each task only the tensors that it changes (of an adapter its factors); "all" is their sum. The share is of a whole copy for every task.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensors', title: 'Tensors', type: 'integer' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'bytes', title: 'Bytes', type: 'bytes' },
      { name: 'share', title: 'Share of whole copies', type: 'share' },
    ],
    rows,
  };
}

const TASKS_SHOWN = 12;

/** Which layers and tensors may be frozen or stored once, with the reason and the limits. */
export function sharePlan(
  study: Study,
  activity: readonly TensorActivity[],
  axes: NetworkAxes,
  epsilon: number,
): Note {
  const everybody = commonLine(study, activity, axes, epsilon);
  const lines = study.tasks
    .slice(0, TASKS_SHOWN)
    .map((task, index) => `${task.name}: ${taskText(task, index, activity, axes, epsilon)}.`);
  if (study.tasks.length > TASKS_SHOWN) {
    lines.push(`The table "storage" has ${countText(study.tasks.length - TASKS_SHOWN, 'more task')}.`);
  }
  const tolerance =
    epsilon > 0
      ? ` Entries within ${shortNumber(epsilon)}·rms(θ₀) count as shared although they differ: measure the accuracy before leaving them out.`
      : ' Changes smaller than the stored precision cannot be seen.';
  return {
    kind: 'note',
    id: 'plan',
    title: 'What to freeze and what to share',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...everybody,
      ...lines,
      `Limits: proxy, read off the weights. A layer that did not move here was frozen or not needed by this training; another task may need it.${tolerance}`,
    ].join('\n'),
  };
}

function commonLine(
  study: Study,
  activity: readonly TensorActivity[],
  axes: NetworkAxes,
  epsilon: number,
): string[] {
  if (study.tasks.length < 2) return [];
  const shares = study.tasks.map((_, task) => rowShares(activity, task, axes));
  const rows = axes.rows.flatMap((_, row) => (shares.every((share) => share[row] === 0) ? [row] : []));
  if (rows.length === 0) return [];
  return [
    `All tasks: ${rowRanges(axes.rows, rows)} ${verb(axes, rows)} ${sameText(epsilon)}: share ${pronoun(rows)} among all tasks.`,
  ];
}

function taskText(
  task: TaskVector,
  index: number,
  activity: readonly TensorActivity[],
  axes: NetworkAxes,
  epsilon: number,
): string {
  const shares = rowShares(activity, index, axes);
  const rows = axes.rows.flatMap((_, row) => (shares[row] === 0 ? [row] : []));
  const unchanged = activity.filter(({ active }) => active[index] === false);
  if (unchanged.length === 0) return `every tensor changed; nothing can be shared ${lossText(epsilon)}`;
  const saved = sizeOf(unchanged);
  const whole = sizeOf(activity);
  const percent = shortNumber((100 * saved.parameters) / Math.max(1, whole.parameters));
  const savedText = `${percent} % of the parameters (${bytesText(saved.bytes)}) need no copy`;
  if (rows.length === 0) {
    const names = unchanged.slice(0, 4).map(({ entry }) => entry.name);
    const more = unchanged.length > 4 ? ` and ${countText(unchanged.length - 4, 'more tensor')}` : '';
    const are = unchanged.length === 1 ? 'is' : 'are';
    return `no whole layer is ${sameText(epsilon)}, but ${names.join(', ')}${more} ${are}: store them once; ${savedText}`;
  }
  const reason = task.kind === 'factored' ? 'not touched by the adapter' : sameText(epsilon);
  return `${rowRanges(axes.rows, rows)} ${verb(axes, rows)} ${reason}: freeze ${pronoun(rows)}, and store ${pronoun(rows)} once; ${savedText}`;
}

function sameText(epsilon: number): string {
  return epsilon > 0 ? 'the base’s within ε' : 'bit-identical to the base';
}

function lossText(epsilon: number): string {
  return epsilon > 0 ? 'at this ε' : 'without loss (the parameter "epsilon" sets a tolerance)';
}

function verb({ rows }: NetworkAxes, chosen: readonly number[]): string {
  return chosen.length === 1 && rows.length > 0 ? 'is' : 'are';
}

function pronoun(rows: readonly number[]): string {
  return rows.length === 1 ? 'it' : 'them';
}

function storedOf({ kind, deltas }: TaskVector, index: number, activity: readonly TensorActivity[]): Stored {
  if (kind === 'dense') return sizeOf(activity.filter(({ active }) => active[index] === true));
  return [...deltas.values()].reduce<Stored>(
    (sum, delta) =>
      delta.kind === 'dense'
        ? sum
        : add(sum, { tensors: delta.tensors, parameters: delta.parameters, bytes: delta.bytes }),
    { tensors: 0, parameters: 0, bytes: 0 },
  );
}

function sizeOf(tensors: readonly TensorActivity[]): Stored {
  return tensors.reduce<Stored>(
    (sum, { entry }) => add(sum, { tensors: 1, parameters: entry.span.count, bytes: entry.span.bytes }),
    { tensors: 0, parameters: 0, bytes: 0 },
  );
}

function add(x: Stored, y: Stored): Stored {
  return {
    tensors: x.tensors + y.tensors,
    parameters: x.parameters + y.parameters,
    bytes: x.bytes + y.bytes,
  };
}
