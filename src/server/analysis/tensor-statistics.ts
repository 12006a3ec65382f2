import { positionOf } from '../../model/tensor-position';
import type { TensorStatistics } from '../../protocol/checkpoint';
import { failure, success, type Result } from '../../protocol/result';
import { absoluteMaximum, standardDeviation } from '../../tensor/derive';
import type { Moments, PassItem, PassOutcome } from '../../tensor/pass';
import type { AnalysisContext } from './context';
import { histogramEdges } from './histogram-edges';

/** The two passes over one tensor: moments first, since only they tell where the histogram's edges are. */
export interface Passes {
  readonly moments: PassItem;
  readonly histogram: (edges: Float64Array) => PassItem;
}

/**
 * Statistics and a histogram of `bins` bins from minimum to maximum, of a tensor of the given shape. Where nothing is
 * finite there is no histogram. Fails as a pass does.
 */
export async function measure(
  shape: readonly number[],
  bins: number,
  context: AnalysisContext,
  passes: Passes,
): Promise<Result<TensorStatistics>> {
  const moments = await runOne(passes.moments, context);
  if (!moments.ok) return moments;
  if (moments.value.kind !== 'moments') return failure(wrongOutcome);
  const statistics = statisticsOf(moments.value, shape);
  if (moments.value.finite === 0) return success({ ...statistics, histogram: null });
  const edges = histogramEdges(moments.value.min, moments.value.max, bins);
  const counted = await runOne(passes.histogram(edges), context);
  if (!counted.ok) return counted;
  if (counted.value.kind !== 'bins') return failure(wrongOutcome);
  return success({ ...statistics, histogram: { edges: [...edges], counts: [...counted.value.counts] } });
}

const wrongOutcome = {
  code: 'internal-error',
  message: 'A pass over a tensor gave another kind of outcome than was asked for.',
  action: 'Run "Deltalens: Show Log" and report what it says.',
};

async function runOne(item: PassItem, { passes, signal }: AnalysisContext): Promise<Result<PassOutcome>> {
  const outcomes = await passes.run([item], { signal });
  if (!outcomes.ok) return outcomes;
  const [outcome] = outcomes.value;
  return outcome ? success(outcome) : failure(wrongOutcome);
}

function statisticsOf(moments: Moments, shape: readonly number[]): Omit<TensorStatistics, 'histogram'> {
  const defined = moments.finite > 0;
  return {
    count: moments.count,
    mean: defined ? moments.mean : null,
    std: standardDeviation(moments),
    min: defined ? moments.min : null,
    max: defined ? moments.max : null,
    absmax: absoluteMaximum(moments),
    l1: defined ? moments.l1 : null,
    l2: defined ? Math.sqrt(moments.squares) : null,
    zeros: moments.zeros,
    nan: moments.nan,
    inf: moments.inf,
    nonFinite: moments.nonFinite.map(({ index, value }) => ({ position: positionOf(index, shape), value })),
  };
}
