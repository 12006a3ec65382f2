import type { GoldScores } from './gold-probability';

/** Where a sample lies in a data map. */
export type Region = 'easy' | 'ambiguous' | 'hard';

export const REGIONS: readonly Region[] = ['easy', 'ambiguous', 'hard'];

/** What a run did with one sample (or with one token). */
export interface SampleDynamics {
  /** Which sample (or row) of those looked at. */
  readonly at: number;
  /** Mean over the checkpoints of p(label). */
  readonly confidence: number;
  /** Standard deviation of p(label) over the checkpoints: the root of the mean square, with E below it and not E − 1. */
  readonly variability: number;
  /** Share of the checkpoints (and tokens) that are right. */
  readonly correctness: number;
  /** Times that a right answer became wrong at the next checkpoint, on average over the tokens. */
  readonly forgotten: number;
  /** First checkpoint from which on everything stays right; `null` where the last one is wrong somewhere. */
  readonly learnt: number | null;
  /** EL2N at the first checkpoint, and on average over all. */
  readonly firstError: number;
  readonly error: number;
  /** p(label) at each checkpoint. */
  readonly curve: readonly number[];
}

/**
 * Dynamics of samples of `perSample` rows each over checkpoints in their order (Swayamdipta et al. 2020, section 2; forgetting
 * events of Toneva et al. 2019, definition 2.1). Of a sample with several labels p is the mean over them; samples all of whose
 * labels are to be ignored are left out.
 */
export function dynamicsOf(stages: readonly GoldScores[], perSample: number): readonly SampleDynamics[] {
  const rows = stages[0]?.probability.length ?? 0;
  const found: SampleDynamics[] = [];
  for (let at = 0; (at + 1) * perSample <= rows; at++) {
    const own = Array.from({ length: perSample }, (_, k) => at * perSample + k).filter(
      (row) => !Number.isNaN(stages[0]?.probability[row] ?? NaN),
    );
    if (own.length > 0) found.push(dynamicsOfRows(stages, at, own));
  }
  return found;
}

function dynamicsOfRows(stages: readonly GoldScores[], at: number, rows: readonly number[]): SampleDynamics {
  const mean = (values: ArrayLike<number>) =>
    rows.reduce((sum, row) => sum + (values[row] ?? NaN), 0) / rows.length;
  const curve = stages.map(({ probability }) => mean(probability));
  const errors = stages.map(({ error }) => mean(error));
  const right = stages.map((stage) => mean(stage.right));
  const confidence = average(curve);
  return {
    at,
    confidence,
    variability: Math.sqrt(average(curve.map((value) => (value - confidence) ** 2))),
    correctness: average(right),
    forgotten: rows.reduce((sum, row) => sum + forgettings(stages, row), 0) / rows.length,
    learnt: lastingFrom(right),
    firstError: errors[0] ?? NaN,
    error: average(errors),
    curve,
  };
}

function forgettings(stages: readonly GoldScores[], row: number): number {
  return stages.reduce((count, { right }, stage) => {
    const before = stages[stage - 1]?.right[row] ?? 0;
    return count + Number(before === 1 && right[row] === 0);
  }, 0);
}

function lastingFrom(right: readonly number[]): number | null {
  const wrong = right.findLastIndex((share) => share < 1);
  return wrong + 1 < right.length ? wrong + 1 : null;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Regions of samples: `ambiguous` is the `share` with the greatest variability; of the others those with a confidence of at least
 * `cut` are `easy`, and the rest `hard`. The paper takes the top third of each measure, so that its regions may overlap.
 */
export function regionsOf(samples: readonly SampleDynamics[], share: number, cut: number): readonly Region[] {
  const order = samples
    .map((_, at) => at)
    .sort((x, y) => variabilityOf(samples, y) - variabilityOf(samples, x));
  const chosen = order.slice(0, Math.round(share * samples.length));
  const ambiguous = new Set(chosen.filter((at) => variabilityOf(samples, at) > 0));
  return samples.map(({ confidence }, at) =>
    ambiguous.has(at) ? 'ambiguous' : confidence >= cut ? 'easy' : 'hard',
  );
}

function variabilityOf(samples: readonly SampleDynamics[], at: number): number {
  return samples[at]?.variability ?? 0;
}

/** The middle of the confidences; 0 of none. Parts samples whose p is a mean over many labels, so that one half means nothing. */
export function medianConfidence(samples: readonly SampleDynamics[]): number {
  const sorted = samples.map(({ confidence }) => confidence).sort((x, y) => x - y);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
