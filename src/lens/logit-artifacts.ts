import type { TaskVector } from '../model/task-vector';
import type { Matrix, Series, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { captionsOf } from './activations/layer-curves';
import { STRENGTHS } from './activations/logit-reader';
import type { ShiftFigures } from './activations/logit-shift';
import { recommendation } from './recommendation';
import { percent, shortNumber, wholeText } from './wording';

/** What a task changed in the logits of its own samples. */
export interface TaskShift {
  readonly task: TaskVector;
  readonly caption: string;
  readonly data: string;
  readonly figures: ShiftFigures;
}

/** Accuracy and loss of base + α Δ by α; none where no sample has a label. */
export function curves(tasks: readonly TaskShift[]): readonly Series[] {
  const line = (key: 'accuracy' | 'loss') =>
    tasks.map(({ task, figures }) => ({
      name: task.name,
      task: task.name,
      values: packNumbers(figures.fused.map((each) => each[key])),
    }));
  if (tasks.every(({ figures }) => figures.fused.every(({ loss }) => loss === null))) return [];
  const shared = {
    kind: 'series' as const,
    caption: captionsOf(tasks),
    x: { title: 'α', values: STRENGTHS },
  };
  return [
    {
      ...shared,
      id: 'accuracy',
      title: 'Accuracy of base + α Δ',
      facets: { metric: 'accuracy' },
      lines: line('accuracy'),
      unit: 'share right',
    },
    {
      ...shared,
      id: 'loss',
      title: 'Loss of base + α Δ',
      facets: { metric: 'loss' },
      lines: line('loss'),
      unit: '−log p(label)',
    },
  ];
}

/** Cosines between the shifts of all tasks on the same samples. */
export function cosines(
  tasks: readonly TaskShift[],
  shifts: readonly Float64Array[],
  caption: string,
): Matrix {
  const entries = tasks.map(({ task: { name } }) => ({ label: name, task: name }));
  return {
    kind: 'matrix',
    id: 'cosines',
    title: 'Cosines between shifts of logits',
    caption,
    rows: entries,
    columns: entries,
    rowTitle: 'task',
    columnTitle: 'task',
    values: packNumbers(shifts.flatMap((x) => shifts.map((y) => cosineOf(x, y)))),
    unit: 'cos',
    scale: 'diverging',
    domain: [-1, 1],
  };
}

function cosineOf(x: Float64Array, y: Float64Array): number | null {
  let [dot, xx, yy] = [0, 0, 0];
  x.forEach((value, at) => {
    const other = y[at] ?? 0;
    dot += value * other;
    xx += value * value;
    yy += other * other;
  });
  return xx > 0 && yy > 0 ? dot / Math.sqrt(xx * yy) : null;
}

function bestOf({ figures }: TaskShift): number {
  return figures.fused.reduce(
    (best, { loss }, at) => ((loss ?? Infinity) < (figures.fused[best]?.loss ?? Infinity) ? at : best),
    0,
  );
}

/** A row for every task: divergence, agreement, size of the shift and the best α. */
export function taskTable(tasks: readonly TaskShift[]): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Shift of every task on its own samples',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'rows', title: 'Answers', type: 'integer' },
      { name: 'divergence', title: 'KL, nats', type: 'number' },
      { name: 'agreement', title: 'Same answer', type: 'share' },
      { name: 'size', title: 'Size of the shift', type: 'number' },
      { name: 'base_accuracy', title: 'Accuracy of the base', type: 'share' },
      { name: 'accuracy', title: 'Accuracy', type: 'share' },
      { name: 'best_alpha', title: 'α of the least loss', type: 'number' },
    ],
    rows: tasks.map((each) => {
      const { task, data, figures } = each;
      const { rows, divergence, agreement, size, fused } = figures;
      const labelled = fused[0]?.loss !== null;
      return [
        task.name,
        data,
        rows,
        divergence,
        agreement,
        size,
        fused[0]?.accuracy ?? null,
        fused[STRENGTHS.indexOf(1)]?.accuracy ?? null,
        labelled ? (STRENGTHS[bestOf(each)] ?? null) : null,
      ];
    }),
  };
}

/** Classes whose probability changed most, each way. */
const NAMED = 5;

/** The classes whose probability changed most, by task. */
export function classTable(tasks: readonly TaskShift[]): Table {
  return {
    kind: 'table',
    id: 'classes',
    title: 'Classes that changed most',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'class', title: 'Class or token', type: 'integer' },
      { name: 'change', title: 'Change of its probability', type: 'number' },
    ],
    rows: tasks.flatMap(({ task, figures: { change } }) =>
      Array.from(change, (value, at) => ({ value, at }))
        .sort((x, y) => Math.abs(y.value) - Math.abs(x.value))
        .slice(0, 2 * NAMED)
        .map(({ value, at }) => [task.name, at, value]),
    ),
  };
}

const OPPOSED = -0.1;

const ALIKE = 0.5;

/** What to do with the shifts: which α, which tasks fuse and which oppose each other. */
export function advice(tasks: readonly TaskShift[], shifts: readonly Float64Array[]) {
  const lines = tasks.map((each) => {
    const { task, figures } = each;
    const answers = `${percent(1 - figures.agreement)} of ${wholeText(figures.rows)} answers changed (KL ${shortNumber(figures.divergence)} nats)`;
    if (figures.fused[0]?.loss === null) return `${task.name}: ${answers}.`;
    const best = STRENGTHS[bestOf(each)] ?? 1;
    const text =
      best === 1 ? 'its shift has the right strength' : `α = ${shortNumber(best)} has the least loss`;
    return `${task.name}: ${answers}; ${text}.`;
  });
  tasks.forEach(({ task: a }, i) => {
    tasks.slice(i + 1).forEach(({ task: b }, k) => {
      const cosine = cosineOf(shifts[i] ?? new Float64Array(), shifts[i + 1 + k] ?? new Float64Array());
      if (cosine === null || (cosine < ALIKE && cosine > OPPOSED)) return;
      lines.push(
        cosine > 0
          ? `${a.name} and ${b.name} ask for the same answers (cosine ${shortNumber(cosine)}): fuse one of them, or the mean.`
          : `${a.name} and ${b.name} work against each other (cosine ${shortNumber(cosine)}): choose α for each input.`,
      );
    });
  });
  return recommendation(
    'What fusion of logits would do',
    lines,
    'on these samples and with one α for all. Models to be fused need the same classes or vocabulary in the same order.',
  );
}
