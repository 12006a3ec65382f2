import { IGNORED } from '../graph/objective/objective';
import { readActivations } from '../graph/network';
import type { StudyNetwork } from '../graph/study-network';
import type { StudySamples } from '../graph/study-samples';
import { numbersOf } from '../graph/tensor-value';
import type { TaskVector } from '../model/task-vector';
import type { Matrix, Series, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { failure, success, type Result } from '../protocol/result';
import { centredShift, ShiftSums, type ShiftFigures } from './activations/logit-shift';
import { captionsOf } from './activations/layer-curves';
import { labelsOf } from './activations/sample-labels';
import { SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { percent, shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'logit-delta',
  version: 1,
  title: 'What did training change in the answers?',
  summary:
    'Runs base and fine-tunes on the same samples and compares their logits: a task vector in the space of outputs, which can be added to other models.',
  formula:
    'Δ = s_ft − s_base, its mean over classes taken off;  KL(p_ft ‖ p_base);  fusion: softmax(s_base + α Δ);  cos(Δᵢ, Δⱼ) over all samples of the first task',
  reading:
    'A divergence near 0: the fine-tune answers these samples as the base does. Shifts of two tasks with a cosine near 1 ask for the same answers; their fusion adds up; below 0 they work against each other, though their weights may be orthogonal. The curve over α is what logit fusion does: for a model of another size with the same vocabulary add α Δ to its logits; here it is shown on the base itself (static α; the paper finds α anew for every token). Where the best α is not 1, the fine-tune under- or overshoots on these samples. Proxy: the large model of the paper is not part of the study.',
  source: [
    {
      title: 'On Giant’s Shoulders: Effortless Weak to Strong by Dynamic Logits Fusion (Fan et al. 2024)',
      link: 'https://arxiv.org/abs/2406.15480',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'output',
      title: 'Output',
      help: 'The output of the graph that holds the logits; empty: the first one.',
      type: 'text',
      default: '',
    },
  ],
};

const STRENGTHS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

interface TaskShift {
  readonly task: TaskVector;
  readonly caption: string;
  readonly data: string;
  readonly figures: ShiftFigures;
}

/** Shifts of logits of every fine-tune on its own samples, and cosines between them on those of the first. */
export const logitDelta: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const { graph } = opened.value.network.map;
    const wanted = String(parameters['output'] ?? '').trim();
    const output = wanted === '' ? (graph.outputs[0]?.name ?? '') : wanted;
    const reader = new LogitReader(opened.value, output, context);
    const found: TaskShift[] = [];
    const common: Float64Array[] = [];
    const steps = 2 * study.tasks.length;
    const first = await opened.value.samplesOf(study.tasks[0] ?? null);
    if (!first.ok) return first;
    for (const [index, task] of study.tasks.entries()) {
      context.progress((2 * index) / steps, `Running ${task.name} and the base`);
      const samples = await opened.value.samplesOf(task);
      if (!samples.ok) return samples;
      const figures = await reader.figures(task, samples.value);
      if (!figures.ok) return figures;
      const { name } = samples.value;
      found.push({
        task,
        data: name,
        caption: `Over ${samplesText(samples.value)}.`,
        figures: figures.value,
      });
      context.progress((2 * index + 1) / steps, `Running ${task.name} on ${first.value.name}`);
      const shift = await reader.shift(task, first.value);
      if (!shift.ok) return shift;
      common.push(shift.value);
    }
    return success({
      artifacts: [
        advice(found, common),
        ...curves(found),
        cosines(found, common, `Over ${samplesText(first.value)}.`),
        taskTable(found),
        classTable(found),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

/** Logits of a model on samples: rows × classes. */
interface Logits {
  readonly values: Float64Array;
  readonly classes: number;
}

/** Reads logits; those of the base are kept for the data set that was asked for last and for the first. */
class LogitReader {
  private readonly base = new Map<StudySamples, Logits>();

  constructor(
    private readonly study: StudyNetwork,
    private readonly output: string,
    private readonly context: LensContext,
  ) {}

  async figures(task: TaskVector, samples: StudySamples): Promise<Result<ShiftFigures>> {
    const base = await this.ofBase(samples);
    if (!base.ok) return base;
    const tuned = await this.read(task, samples);
    if (!tuned.ok) return tuned;
    const { classes, values } = base.value;
    const rows = values.length / classes;
    const labels = await labelsOf(samples);
    const known = labels.ok && labels.value.labels.length === rows ? labels.value.labels : null;
    const sums = new ShiftSums(classes, STRENGTHS);
    for (let row = 0; row < rows; row++) {
      const [from, to] = [row * classes, (row + 1) * classes];
      const label = known?.[row] ?? IGNORED;
      sums.add(
        values.subarray(from, to),
        tuned.value.values.subarray(from, to),
        label === IGNORED ? -1 : label,
      );
    }
    return success(sums.figures());
  }

  async shift(task: TaskVector, samples: StudySamples): Promise<Result<Float64Array>> {
    const base = await this.ofBase(samples);
    if (!base.ok) return base;
    const tuned = await this.read(task, samples);
    if (!tuned.ok) return tuned;
    return success(centredShift(base.value.values, tuned.value.values, base.value.classes));
  }

  private async ofBase(samples: StudySamples): Promise<Result<Logits>> {
    const known = this.base.get(samples);
    if (known) return success(known);
    const read = await this.read(null, samples);
    if (read.ok) this.base.set(samples, read.value);
    return read;
  }

  private async read(task: TaskVector | null, samples: StudySamples): Promise<Result<Logits>> {
    const { signal, memoryBudget } = this.context;
    const weights = await this.study.weightsOf(task, signal);
    if (!weights.ok) return weights;
    const parts: Float64Array[] = [];
    let classes = 0;
    let bytes = 0;
    const room = memoryBudget / 16;
    const options = { values: [this.output], weights: weights.value, samples, count: samples.count, signal };
    const read = await readActivations(this.study.network, options, (batch) => {
      const value = batch.get(this.output);
      if (!value) return false;
      classes = value.shape.length > 1 ? (value.shape.at(-1) ?? 0) : 0;
      const numbers = numbersOf(value);
      bytes += numbers.byteLength;
      if (bytes <= room) parts.push(numbers);
      return bytes <= room && classes > 1;
    });
    if (!read.ok) return read;
    if (classes < 2) return refuseOutput(this.output);
    if (bytes > room) return refuseSize(samples.name);
    const values = new Float64Array(bytes / 8);
    let at = 0;
    for (const part of parts) {
      values.set(part, at);
      at += part.length;
    }
    return success({ values, classes });
  }
}

function refuseOutput(output: string): Result<never> {
  return failure({
    code: 'activations-shape',
    message: `The output "${output}" of the graph holds no logits: its last axis must be the classes.`,
    action: 'Name the output with the logits by the parameter "output".',
  });
}

function refuseSize(data: string): Result<never> {
  return failure({
    code: 'activations-too-large',
    message: `The logits of all samples of ${data} do not fit into memory beside each other.`,
    action: 'Take fewer samples.',
  });
}

function curves(tasks: readonly TaskShift[]): readonly Series[] {
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

function cosines(tasks: readonly TaskShift[], shifts: readonly Float64Array[], caption: string): Matrix {
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

function taskTable(tasks: readonly TaskShift[]): Table {
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

function classTable(tasks: readonly TaskShift[]): Table {
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

function advice(tasks: readonly TaskShift[], shifts: readonly Float64Array[]) {
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
