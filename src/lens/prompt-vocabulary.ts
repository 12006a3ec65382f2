import type { TensorEntry } from '../format/checkpoint';
import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import { vocabularyMatrices } from '../model/vocabulary';
import { success, type Result } from '../protocol/result';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { rowsOfSpan } from './embedding-tensors';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';
import { keepNearest, unitRows, type Nearest } from './nearest-rows';
import type { ReadPrompt } from './prompt-models';
import { rowBlocks } from './row-drift';
import { rowSquares } from './prompt-pairs';

/** The token embeddings of the base, beside the prompts that are as wide. */
export interface PromptVocabulary {
  readonly entry: TensorEntry;
  /** ‖e‖ of the tokens: mean, and the 5th and 95th percentile. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** By prompt, then by position. */
  readonly nearest: ReadonlyMap<ReadPrompt, readonly Nearest[]>;
  readonly bytesRead: number;
}

/** Tokens shown for a position. */
export const NEAREST = 3;

/**
 * The nearest tokens of every vector of every prompt by cosine, and how long token embeddings are; the embedding is streamed
 * once. `null` without a base or where no prompt stands before its input. Fails as reading does, or with `cancelled`.
 */
export async function promptVocabulary(
  study: Study,
  prompts: readonly ReadPrompt[],
  context: LensContext,
): Promise<Result<PromptVocabulary | null>> {
  const entry = vocabularyMatrices(study.base?.tensors ?? []).find(
    ({ name }) => placeOf(name).module === 'embedding.token',
  );
  const [tokens = 0, columns = 0] = entry?.span.shape ?? [];
  const fitting = prompts.filter(({ prompt }) => prompt.role === 'input' && prompt.width === columns);
  if (!entry || fitting.length === 0) return success(null);
  const samples = fitting.map((each) => ({
    each,
    units: unitRows(each.vectors),
    best: Array.from({ length: each.vectors.rows }, () => ({
      rows: [] as number[],
      cosines: [] as number[],
    })),
  }));
  const norms = new Float64Array(tokens);
  const blocks = rowBlocks(tokens, columns, context.memoryBudget);
  const work = blocks.map(({ first, count }): MatrixWork => {
    const terms = [{ kind: 'tensor' as const, weight: 1, span: rowsOfSpan(entry.span, first, count) }];
    return {
      operation: { kind: 'values' },
      load: () => Promise.resolve(success({ rows: count, columns, terms })),
    };
  });
  const read = await readMatrices(
    work,
    context,
    ({ values, rows }, index) => {
      const first = blocks[index]?.first ?? 0;
      if (!values) return;
      const block = { rows, columns, values };
      norms.set(rowSquares(block).map(Math.sqrt), first);
      const units = unitRows(block);
      for (const { units: sample, best } of samples) {
        const products = multiplyTransposed(sample, units).values;
        best.forEach((found, at) => {
          for (let row = 0; row < rows; row++)
            keepNearest(found, first + row, products[at * rows + row] ?? NaN, NEAREST);
        });
      }
    },
    'Finding nearest tokens',
  );
  if (!read.ok) return read;
  const sorted = norms.filter(Number.isFinite).sort();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return success({
    entry,
    mean: sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length),
    low: at(0.05),
    high: at(0.95),
    nearest: new Map(samples.map(({ each, best }) => [each, best])),
    bytesRead: entry.span.bytes,
  });
}
