import { IGNORED } from '../../graph/objective/objective';
import { readActivations } from '../../graph/network';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { numbersOf } from '../../graph/tensor-value';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import { countText } from '../wording';
import { logSoftmax } from './logit-shift';
import type { SampleLabels } from './sample-labels';

/** How one model takes the labels of a data set; a row is a label: one of each sample, or one of each of its tokens. */
export interface GoldScores {
  /** p(label); NaN where the label is to be ignored. */
  readonly probability: Float64Array;
  /** 1 where the label is the first choice. */
  readonly right: Uint8Array;
  /** ‖p − onehot(label)‖₂ (EL2N, Paul et al. 2021); NaN where the label is to be ignored. */
  readonly error: Float64Array;
}

/** What to run. */
export interface GoldRequest {
  /** `null`: the base. */
  readonly task: TaskVector | null;
  readonly samples: StudySamples;
  readonly labels: SampleLabels;
  /** Output of the graph with the logits, classes last. */
  readonly output: string;
}

/**
 * Probability of every label under one model. Fails with `data-labels-missing` where labels are no classes of the output, one of
 * each row of it, with `logits-not-finite` where a label has no probability, or as running the network does.
 */
export async function goldScores(
  study: StudyNetwork,
  { task, samples, labels: { labels, perSample }, output }: GoldRequest,
  { signal }: Pick<LensContext, 'signal'>,
  progress: (share: number) => void,
): Promise<Result<GoldScores>> {
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const scores = new ScoreSums(labels);
  let fits = true;
  const read = await readActivations(
    study.network,
    { values: [output], weights: weights.value, samples, count: samples.count, signal, progress },
    (batch, first, count) => {
      const value = batch.get(output);
      const classes = value?.shape.at(-1) ?? 0;
      const numbers = value ? numbersOf(value) : new Float64Array();
      fits = classes > 1 && numbers.length === count * perSample * classes;
      for (let row = 0; fits && row < count * perSample; row++) {
        fits = scores.add(first * perSample + row, numbers.subarray(row * classes, (row + 1) * classes));
      }
      return fits;
    },
  );
  if (!read.ok) return read;
  if (fits && scores.undefinedRows > 0) return notFinite(task, samples, scores.undefinedRows);
  if (fits) return success(scores);
  return failure({
    code: 'data-labels-missing',
    message: `The labels of ${samples.name} are no classes of the output "${output}": one whole number for each of its rows.`,
    action: 'Use data with a class a sample, or with the next token at every position of a language model.',
  });
}

function notFinite(task: TaskVector | null, samples: StudySamples, rows: number): Result<never> {
  const model = task?.name ?? 'The base';
  return failure({
    code: 'logits-not-finite',
    message: `${model} gives NaN or infinite logits for ${countText(rows, 'label')} of ${samples.name}, so these have no probability.`,
    action: `Leave ${task === null ? 'this base' : 'this checkpoint'} out: its training went astray, or its file is damaged.`,
  });
}

class ScoreSums implements GoldScores {
  readonly probability: Float64Array;
  readonly right: Uint8Array;
  readonly error: Float64Array;
  /** Labels without a probability, as the logits are no numbers. */
  undefinedRows = 0;

  constructor(private readonly labels: Float64Array) {
    this.probability = new Float64Array(labels.length).fill(NaN);
    this.right = new Uint8Array(labels.length);
    this.error = new Float64Array(labels.length).fill(NaN);
  }

  /** Whether the label of the row is a class, or to be ignored. */
  add(row: number, logits: Float64Array): boolean {
    const label = this.labels[row] ?? NaN;
    if (label === IGNORED) return true;
    if (!Number.isInteger(label) || label < 0 || label >= logits.length) return false;
    const p = logSoftmax(logits).map(Math.exp);
    const gold = p[label] ?? NaN;
    if (Number.isNaN(gold)) this.undefinedRows++;
    this.probability[row] = gold;
    this.right[row] = Number(p.every((value, at) => value < gold || at === label));
    const squares = p.reduce((sum, value, at) => sum + (value - Number(at === label)) ** 2, 0);
    this.error[row] = Math.sqrt(squares);
    return true;
  }
}
