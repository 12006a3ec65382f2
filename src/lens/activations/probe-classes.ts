import type { StudySamples } from '../../graph/study-samples';
import { IGNORED } from '../../graph/objective/objective';
import { failure, success, type Result } from '../../protocol/result';
import type { Pool } from './pooling';
import { labelsOf } from './sample-labels';
import { wholeText } from '../wording';

/** Labels as classes, and how features are pooled for them. */
export interface Classes {
  readonly samples: StudySamples;
  readonly pool: Pool;
  /** A class per row of features, from 0 on; −1: none. */
  readonly labels: readonly number[];
  readonly classes: number;
}

/** Rows that probes learn from and are measured on, at most: labels of every token are many. */
const MOST_ROWS = 2048;

const MOST_CLASSES = 1024;

/** Labels as classes; where every token has one, features are of tokens, and of fewer samples. */
export async function classesOf(samples: StudySamples, pool: Pool): Promise<Result<Classes>> {
  const read = await labelsOf(samples);
  if (!read.ok) return read;
  const { labels, perSample } = read.value;
  const count =
    perSample > 1 && samples.batch === null
      ? Math.max(1, Math.min(samples.count, Math.floor(MOST_ROWS / perSample)))
      : samples.count;
  const used = [...labels.subarray(0, count * perSample)];
  const names = [...new Set(used)].filter((label) => label !== IGNORED).sort((x, y) => x - y);
  if (names.length < 2 || names.length > MOST_CLASSES || !names.every(Number.isInteger)) {
    return failure({
      code: 'data-labels-missing',
      message: `The labels of ${samples.name} are no classes: a probe tells 2 to ${wholeText(MOST_CLASSES)} whole numbers apart.`,
      action: 'Name an array of class numbers as the labels.',
    });
  }
  const index = new Map(names.map((label, at) => [label, at]));
  return success({
    samples: { ...samples, count },
    pool: perSample > 1 ? 'tokens' : pool === 'tokens' ? 'mean' : pool,
    labels: used.map((label) => index.get(label) ?? -1),
    classes: names.length,
  });
}
