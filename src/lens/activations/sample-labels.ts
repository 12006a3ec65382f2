import type { StudySamples } from '../../graph/study-samples';
import { numbersOf } from '../../graph/tensor-value';
import { failure, success, type Result } from '../../protocol/result';

/** Labels of the chosen samples. */
export interface SampleLabels {
  /** Class numbers, `perSample` for every sample. */
  readonly labels: Float64Array;
  readonly perSample: number;
}

/** How many are read at once. */
const BATCH = 64;

/** All labels of the chosen samples. Fails with `data-labels-missing`, or as reading them does. */
export async function labelsOf(samples: StudySamples): Promise<Result<SampleLabels>> {
  const parts: Float64Array[] = [];
  const batch = samples.batch ?? BATCH;
  for (let first = 0; first < samples.count; first += batch) {
    const read = await samples.labels(first, Math.min(batch, samples.count - first));
    if (!read.ok) return read;
    if (read.value === null) {
      return failure({
        code: 'data-labels-missing',
        message: `The data set ${samples.name} has no array of labels, and this lens learns from labels.`,
        action: 'Add an array "labels" to the data, or name it in the study.',
      });
    }
    parts.push(numbersOf(read.value));
  }
  const labels = Float64Array.from(parts.flatMap((part) => [...part]));
  return success({ labels, perSample: labels.length / Math.max(1, samples.count) });
}
