import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import type { TaskVector } from '../../model/task-vector';
import { cancelled, failure, success, type Result } from '../../protocol/result';
import type { Dense } from '../../tensor/linear/dense';
import type { LensContext } from '../lens';
import { pause } from '../pause';
import { wholeText } from '../wording';
import { dissimilarities, similarityOfGeometry, type Dissimilarities } from './dissimilarity';
import { layerFeatures } from './layer-features';
import { centred, linearCka, type CentredFeatures } from './linear-cka';
import { LEAST_BATCH, MinibatchCka } from './minibatch-cka';
import type { Pool } from './pooling';
import { RowSample } from './row-sample';

/** How CKA is estimated: from all samples at once, or from sums over minibatches. */
export type Estimator = 'full' | 'minibatch';

/** Two layers compared. */
export interface LayerPair {
  /** CKA: plain, or of minibatches (then unbiased). */
  readonly cka: number | null;
  /** From all samples only. */
  readonly debiased: number | null;
  /** Representational similarity analysis: Spearman's ρ, and Pearson's r. */
  readonly rsa: number | null;
  readonly pearson: number | null;
}

/** One matrix of comparisons: rows of the one model, columns of the other, row-major. */
export interface Side {
  readonly id: 'base_base' | 'base_ft' | 'ft_ft';
  readonly cells: readonly LayerPair[];
}

/** What is compared, and how. */
export interface ComparisonRequest {
  /** The base (`null`), and a fine-tune where there is one. */
  readonly models: readonly [null] | readonly [null, TaskVector];
  readonly samples: StudySamples;
  readonly pool: Pool;
  readonly estimator: Estimator;
  /** Rows of a minibatch. */
  readonly batch: number;
  readonly progress: (share: number, text: string) => void;
}

/** The sides of one comparison, and what they rest on. */
export interface LayerComparison {
  readonly sides: readonly Side[];
  /** Rows that the dissimilarities are between. */
  readonly rsaRows: number;
  /** Minibatches that counted; 0 without any. */
  readonly batches: number;
}

/** What a model's layers, or two models', have in common: `(model, layer) × (model, layer)`. */
type CkaOf = (
  x: readonly [number, number],
  y: readonly [number, number],
) => Pick<LayerPair, 'cka' | 'debiased'>;

/**
 * CKA and RSA between all layers of the models over the same samples. Fails with `cka-batch` where no minibatch is whole,
 * `cancelled`, or as {@link layerFeatures} does.
 */
export async function compareLayers(
  study: StudyNetwork,
  request: ComparisonRequest,
  context: LensContext,
): Promise<Result<LayerComparison>> {
  const rows = request.models.map(() => new RowSample());
  const read = request.estimator === 'full' ? wholeCka : minibatchCka;
  const found = await read(study, request, rows, context);
  if (!found.ok) return found;
  const geometry: (readonly Dissimilarities[])[] = [];
  for (const sample of rows) {
    const own: Dissimilarities[] = [];
    for (const features of sample.layers()) {
      own.push(dissimilarities(features));
      await pause();
      if (context.signal.aborted) return cancelled();
    }
    geometry.push(own);
  }
  const pairs = [['base_base', 0, 0], ...(rows.length > 1 ? PAIRED : [])] as const;
  const sides: Side[] = [];
  for (const [id, m, n] of pairs) {
    const cells = await cellsOf([m, n], found.value.ckaOf, geometry, context.signal);
    if (cells === null) return cancelled();
    sides.push({ id, cells });
  }
  return success({ sides, rsaRows: rows[0]?.count ?? 0, batches: found.value.batches });
}

const PAIRED = [
  ['base_ft', 0, 1],
  ['ft_ft', 1, 1],
] as const;

/** Every layer of model `m` with every one of model `n`; `null` when cancelled. */
async function cellsOf(
  [m, n]: readonly [number, number],
  ckaOf: CkaOf,
  geometry: readonly (readonly Dissimilarities[])[],
  signal: AbortSignal,
): Promise<readonly LayerPair[] | null> {
  const [rows = [], columns = []] = [geometry[m], geometry[n]];
  const cells: LayerPair[] = [];
  for (const [i, x] of rows.entries()) {
    for (const [j, y] of columns.entries()) {
      // Alike in both orders, and the products are what takes the time.
      const mirrored = m === n && j < i ? cells[j * columns.length + i] : undefined;
      const { spearman, pearson } = mirrored ? NO_RSA : similarityOfGeometry(x, y);
      cells.push(mirrored ?? { ...ckaOf([m, i], [n, j]), rsa: spearman, pearson });
    }
    await pause();
    if (signal.aborted) return null;
  }
  return cells;
}

const NO_RSA = { spearman: null, pearson: null };

interface EstimatedCka {
  readonly ckaOf: CkaOf;
  readonly batches: number;
}

/** From the features of all samples. */
async function wholeCka(
  study: StudyNetwork,
  request: ComparisonRequest,
  rows: readonly RowSample[],
  context: LensContext,
): Promise<Result<EstimatedCka>> {
  const features: (readonly CentredFeatures[])[] = [];
  const { models, samples } = request;
  for (const [at, model] of models.entries()) {
    const read = await featuresOf(
      study,
      request,
      model,
      samples,
      context,
      (share) => (at + share) / models.length,
    );
    if (!read.ok) return read;
    rows[at]?.add(read.value, 1);
    features.push(read.value.map((layer) => centred(layer, read.value.length)));
  }
  return success({
    batches: 0,
    ckaOf: ([m, i], [n, j]) => {
      const [x, y] = [features[m]?.[i], features[n]?.[j]];
      if (!x || !y) return { cka: null, debiased: null };
      const { plain, debiased } = linearCka(x, y);
      return { cka: plain, debiased };
    },
  });
}

/** From sums over minibatches: as many samples are in memory as the budget holds, and one minibatch at least. */
async function minibatchCka(
  study: StudyNetwork,
  request: ComparisonRequest,
  rows: readonly RowSample[],
  context: LensContext,
): Promise<Result<EstimatedCka>> {
  const { models, samples, batch } = request;
  const sums = new MinibatchCka(batch);
  // Whole minibatches, and whole runs of a graph that takes so many samples: none is cut by the end of a part.
  const unit = samples.batch === null ? batch : commonMultiple(batch, samples.batch);
  let size = unit;
  for (let first = 0; first < samples.count;) {
    const part = windowOf(samples, first, Math.min(size, samples.count - first));
    const layers: (readonly Dense[])[] = [];
    let bytes = 0;
    for (const [at, model] of models.entries()) {
      const read = await featuresOf(
        study,
        request,
        model,
        part,
        context,
        (share) => (first + (part.count * (at + share)) / models.length) / samples.count,
      );
      if (!read.ok) return read;
      bytes += read.value.reduce((sum, { values }) => sum + values.byteLength, 0);
      rows[at]?.add(read.value, samples.count / part.count);
      layers.push(read.value);
    }
    sums.add(layers);
    first += part.count;
    const room = Math.floor(context.memoryBudget / 4 / Math.max(1, bytes / part.count));
    size = Math.max(unit, Math.floor(room / unit) * unit);
  }
  if (sums.batches === 0) return tooFewRows(samples, batch);
  return success({ batches: sums.batches, ckaOf: (x, y) => ({ cka: sums.value(x, y), debiased: null }) });
}

function commonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

function tooFewRows({ count, name }: StudySamples, batch: number): Result<never> {
  return failure({
    code: 'cka-batch',
    message: `${wholeText(count)} samples of ${name} make no whole minibatch of ${wholeText(batch)}.`,
    action: `Set "batch" lower (at least ${String(LEAST_BATCH)}), or take more samples.`,
    at: 'batch',
  });
}

function featuresOf(
  study: StudyNetwork,
  { pool, progress }: ComparisonRequest,
  model: TaskVector | null,
  samples: StudySamples,
  context: LensContext,
  shareOf: (share: number) => number,
): Promise<Result<readonly Dense[]>> {
  const text = `Running ${model?.name ?? 'the base'} on ${samples.name}`;
  const budget = context.memoryBudget / 4;
  const report = (share: number) => progress(shareOf(share), text);
  return layerFeatures(study, { model, samples, pool, budget, progress: report }, context);
}

/** Some of the samples, as samples. */
function windowOf(samples: StudySamples, start: number, count: number): StudySamples {
  return {
    ...samples,
    count,
    indices: samples.indices.slice(start, start + count),
    feeds: (first, size) => samples.feeds(start + first, size),
    labels: (first, size) => samples.labels(start + first, size),
  };
}
