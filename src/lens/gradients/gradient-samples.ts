import type { Sample } from '../../graph/gradients/accumulate';
import type { Objective } from '../../graph/objective/objective';
import type { StudySamples } from '../../graph/study-samples';
import { failure, type Problem, type Result } from '../../protocol/result';
import { takesLabels } from './objective-parameter';

/** Samples in runs of `size`, as gradients want them. What goes wrong while reading ends them and stays in `problem`. */
export class GradientSamples implements AsyncIterable<Sample> {
  problem: Problem | null = null;

  constructor(
    private readonly samples: StudySamples,
    private readonly objective: Objective,
    private readonly size: number,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Sample> {
    const { samples, size } = this;
    for (let first = 0; first < samples.count; first += size) {
      const count = Math.min(size, samples.count - first);
      const read = await this.read(first, count);
      if (!read.ok) {
        this.problem = read.problem;
        return;
      }
      yield read.value;
    }
  }

  private async read(first: number, count: number): Promise<Result<Sample>> {
    const { samples } = this;
    const inputs = await samples.feeds(first, count);
    if (!inputs.ok) return inputs;
    if (!takesLabels(this.objective)) return { ok: true, value: { inputs: inputs.value, count } };
    const labels = await samples.labels(first, count);
    if (!labels.ok) return labels;
    if (labels.value === null) {
      return failure({
        code: 'data-labels-missing',
        message: `The data set ${samples.name} has no array of labels, and the objective is about labels.`,
        action: 'Add an array "labels" to the data, or set the parameter "objective" to "entropy".',
      });
    }
    return { ok: true, value: { inputs: inputs.value, reference: labels.value, count } };
  }
}
