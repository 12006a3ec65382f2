import type { AttentionSite } from '../../graph/attention-sites';
import { readActivations } from '../../graph/network';
import { projections } from '../../graph/projections';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { numbersOf } from '../../graph/tensor-value';
import type { BoundWeights } from '../../graph/bind/bind-weights';
import { placeOf } from '../../model/naming';
import { failure, success, type Result } from '../../protocol/result';
import type { Dense } from '../../tensor/linear/dense';
import { transposed } from '../../tensor/linear/dense';
import { multiply } from '../../tensor/linear/multiply';
import { blockOf, headBlocks } from './head-blocks';

/** An attention with the matrix behind its heads. */
export interface OutputSite extends AttentionSite {
  /** Checkpoint's tensor of the output projection. */
  readonly projection: string;
}

/** Sites whose output projection is known. */
export function outputSites(
  { network }: StudyNetwork,
  sites: readonly AttentionSite[],
): readonly OutputSite[] {
  const known = projections(network.map).filter(
    ({ tensor }) => placeOf(tensor).module === 'attention.output',
  );
  return sites.flatMap((site) => {
    const own = known.filter(({ tensor }) => placeOf(tensor).row === site.layer);
    return own.length === 1 && own[0] ? [{ ...site, projection: own[0].tensor }] : [];
  });
}

/** The output projection of a site as the graph multiplies with it, (heads · size) × width. */
function matrixOf(study: StudyNetwork, weights: BoundWeights, tensor: string): Dense | null {
  const placement = study.network.map.placements.find((each) => each.tensor === tensor);
  const value = placement ? weights.get(placement.initializer) : undefined;
  if (!placement || !value) return null;
  const [rows = 0, columns = 0] = value.shape;
  const dense = { rows, columns, values: numbersOf(value) };
  // As in the checkpoint, [out, in], unless the graph has it turned already.
  return placement.transposed ? dense : transposed(dense);
}

/** Distances of heads to the centre of their layer. */
export interface HeadDistances {
  /** Mean over samples of ‖z_h − mean of all heads‖, by site and head. */
  readonly distances: readonly Float64Array[];
  readonly heads: readonly number[];
}

/**
 * What every head writes at the last position, z_h = (A_h V_h) W_O,h, and how far that is from the mean of the heads of its layer.
 * Fails with `activations-shape`, or as running the network does.
 */
export async function headDistances(
  study: StudyNetwork,
  sites: readonly OutputSite[],
  {
    weights,
    samples,
    signal,
    progress,
  }: {
    readonly weights: BoundWeights;
    readonly samples: StudySamples;
    readonly signal: AbortSignal;
    readonly progress: (share: number) => void;
  },
): Promise<Result<HeadDistances>> {
  const matrices = sites.map(({ projection }) => matrixOf(study, weights, projection));
  const sums: Float64Array[] = [];
  let odd: OutputSite | null = null;
  const values = sites.map(({ heads }) => heads);
  const read = await readActivations(
    study.network,
    { values, weights, samples, count: samples.count, signal, progress },
    (batch, _, count) => {
      sites.forEach((site, at) => {
        const value = batch.get(site.heads);
        const blocks = value ? headBlocks(value, count) : null;
        const matrix = matrices[at];
        if (!blocks || !matrix || matrix.rows !== blocks.heads * blocks.columns) {
          odd ??= site;
          return;
        }
        const own = (sums[at] ??= new Float64Array(blocks.heads));
        for (let sample = 0; sample < count; sample++) {
          const outputs = Array.from({ length: blocks.heads }, (__, head) => {
            const block = blockOf(blocks, sample, head);
            const last = block.slice((blocks.rows - 1) * blocks.columns);
            const part = matrix.values.subarray(
              head * blocks.columns * matrix.columns,
              (head + 1) * blocks.columns * matrix.columns,
            );
            const x = { rows: 1, columns: blocks.columns, values: last };
            return multiply(x, { rows: blocks.columns, columns: matrix.columns, values: part }).values;
          });
          distancesToMean(outputs).forEach(
            (distance, head) => (own[head] = (own[head] ?? 0) + distance / samples.count),
          );
        }
      });
      return odd === null;
    },
  );
  if (!read.ok) return read;
  if (odd !== null) return refuseHeads(odd);
  return success({ distances: sums, heads: sums.map((own) => own.length) });
}

/** ‖z − mean‖ of every vector. */
export function distancesToMean(vectors: readonly Float64Array[]): Float64Array {
  const length = vectors[0]?.length ?? 0;
  const mean = Float64Array.from(
    { length },
    (_, k) => vectors.reduce((sum, z) => sum + (z[k] ?? 0), 0) / vectors.length,
  );
  return Float64Array.from(vectors, (z) =>
    Math.sqrt(z.reduce((sum, value, k) => sum + (value - (mean[k] ?? 0)) ** 2, 0)),
  );
}

function refuseHeads({ label, heads }: OutputSite): Result<never> {
  return failure({
    code: 'activations-shape',
    message: `What the heads of ${label} give ("${heads}") does not fit the output projection of the layer.`,
    action: 'Use a graph exported with eager attention (attn_implementation="eager").',
  });
}
