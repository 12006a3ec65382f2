import { IGNORED } from '../../graph/objective/objective';
import { readActivations } from '../../graph/network';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { numbersOf } from '../../graph/tensor-value';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import { centredShift, ShiftSums, type ShiftFigures } from './logit-shift';
import { labelsOf } from './sample-labels';
import type { LensContext } from '../lens';

/** The α of the fused logits s_base + α Δ. */
export const STRENGTHS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

/** Logits of a model on samples: rows × classes. */
interface Logits {
  readonly values: Float64Array;
  readonly classes: number;
}

/** Reads logits; those of the base are kept for the data set that was asked for last and for the first. */
export class LogitReader {
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
