import type { AttentionBlock } from '../model/attention';
import { cancelled, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import type { MatrixOperation, MatrixOutcome } from '../tensor/matrix-source';
import { cachePlans, divisorsBelow } from './cache-plans';
import { selfAttention, type HeadModel } from './head-models';
import type { Alignment } from './head-pooling';
import { blockProgress, type HeadReader, type ReadKeyValue } from './head-reading';
import { scaleColumns } from './head-weights';
import { pooledResidual, rankAt, relativeDifference, type RowSpace } from './kv-figures';
import type { LensContext } from './lens';
import { readMatrices } from './matrix-pass';
import { pause } from './pause';

/** Pooling the heads of one block to fewer: what is lost as they are, and after turning them towards each other. */
export interface Pooling {
  readonly groups: number;
  readonly residual: number | null;
  /** `null` also where turning heads would change what the block computes. */
  readonly aligned: number | null;
}

/** Keys or values of one block. */
export interface ProjectionFigures {
  /** To every number of heads that divides theirs, descending. */
  readonly pooling: readonly Pooling[];
  readonly space: RowSpace;
}

/** How far the keys and values of a task are from those of the base; the gain of the norm counts as part of both. */
export interface CacheDifference {
  readonly key: number | null;
  readonly value: number | null;
}

/** One block of one model. */
export interface KeyValueBlock {
  readonly key: ProjectionFigures;
  readonly value: ProjectionFigures;
  /** Smallest latent size with the wanted energy of the stack [W_K; W_V]. */
  readonly latent: number;
  /** `null` in the base, and where there is none. */
  readonly difference: CacheDifference | null;
}

export interface KeyValueModel {
  readonly name: string;
  readonly isBase: boolean;
  readonly blocks: readonly AttentionBlock[];
  /** One for each block; `null` for one that was left out. */
  readonly figures: readonly (KeyValueBlock | null)[];
}

export interface KeyValueOptions {
  readonly fold: boolean;
  readonly energy: number;
  readonly keyAlignment: Alignment;
}

export interface KeyValueReading {
  readonly models: readonly KeyValueModel[];
  /** For every block read whether it has a norm before it. */
  readonly folded: readonly boolean[];
  /** To how many directions row spaces were cut; `null` where none was. */
  readonly cut: number | null;
}

/** Row spaces of all blocks and models are held in this share of the budget. */
const SHARE_OF_BUDGET = 1 / 2;

/**
 * Reads keys and values of all models, block by block so that tasks stand beside the base, and works out their figures.
 * Fails as reading does, or with `cancelled`.
 */
export async function keyValueModels(
  models: readonly HeadModel[],
  reader: HeadReader,
  options: KeyValueOptions,
  context: LensContext,
): Promise<Result<KeyValueReading>> {
  const lists = models.map(selfAttention);
  const progress = blockProgress(lists, context);
  const work = new KeyValueWork(options, context, directionsFor(lists, context));
  const figures: (KeyValueBlock | null)[][] = models.map(() => []);
  const folded: boolean[] = [];
  const most = Math.max(...lists.map(({ length }) => length));
  for (let index = 0; index < most; index++) {
    let base: ReadKeyValue | null = null;
    for (const [at, model] of models.entries()) {
      const block = lists[at]?.[index];
      if (!block) continue;
      const read = await reader.readKeyValue(model, block);
      if (!read.ok) return read;
      progress(`${model.name}: ${block.label}`);
      if (read.value) folded.push(read.value.gain !== null);
      if (model.isBase) base = read.value;
      const own = read.value
        ? await work.figures(block, read.value, model.isBase ? null : base)
        : success(null);
      if (!own.ok) return own;
      figures[at]?.push(own.value);
    }
  }
  return success({
    models: models.map(({ name, isBase }, at) => ({
      name,
      isBase,
      blocks: lists[at] ?? [],
      figures: figures[at] ?? [],
    })),
    folded,
    cut: work.cut,
  });
}

function directionsFor(lists: readonly (readonly AttentionBlock[])[], context: LensContext): number {
  const perDirection = lists
    .flat()
    .reduce(
      (sum, { key, keyValueHeads }) => sum + (2 * 8 * key.entry.span.count) / (keyValueHeads * key.size),
      0,
    );
  return Math.max(1, Math.floor((context.memoryBudget * SHARE_OF_BUDGET) / Math.max(1, perDirection)));
}

class KeyValueWork {
  cut: number | null = null;

  constructor(
    private readonly options: KeyValueOptions,
    private readonly context: LensContext,
    private readonly directions: number,
  ) {}

  async figures(
    block: AttentionBlock,
    read: ReadKeyValue,
    base: ReadKeyValue | null,
  ): Promise<Result<KeyValueBlock>> {
    await pause();
    if (this.context.signal.aborted) return cancelled();
    const { energy, keyAlignment } = this.options;
    const [key, value] = [this.folded(read.key, read), this.folded(read.value, read)];
    const stacked = stack(key, value);
    const spectra = await this.decompose([
      { matrix: key, operation: { kind: 'svd', rank: null } },
      { matrix: value, operation: { kind: 'svd', rank: null } },
      ...(stacked ? [{ matrix: stacked, operation: { kind: 'singularValues' } as const }] : []),
    ]);
    if (!spectra.ok) return spectra;
    const [ofKey, ofValue, ofBoth] = spectra.value;
    return success({
      key: {
        pooling: await pooling(key, block.keyValueHeads, keyAlignment),
        space: this.space(ofKey, key.columns),
      },
      value: {
        pooling: await pooling(value, block.keyValueHeads, 'rotation'),
        space: this.space(ofValue, value.columns),
      },
      latent: rankAt(ofBoth?.singular ?? new Float64Array(0), energy),
      difference: base && {
        key: relativeDifference(this.folded(read.key, read), this.folded(base.key, base)),
        value: relativeDifference(value, this.folded(base.value, base)),
      },
    });
  }

  private folded(matrix: Dense, { gain }: ReadKeyValue): Dense {
    return this.options.fold ? scaleColumns(matrix, gain) : matrix;
  }

  private space(outcome: MatrixOutcome | undefined, columns: number): RowSpace {
    const rank = rankAt(outcome?.singular ?? new Float64Array(0), this.options.energy);
    const kept = Math.min(rank, this.directions);
    if (kept < rank) this.cut = this.directions;
    const values = (outcome?.right ?? new Float64Array(0)).slice(0, kept * columns);
    return { rank, basis: { rows: kept, columns, values } };
  }

  private async decompose(
    work: readonly { readonly matrix: Dense; readonly operation: MatrixOperation }[],
  ): Promise<Result<MatrixOutcome[]>> {
    const outcomes: MatrixOutcome[] = [];
    const read = await readMatrices(
      work.map(({ matrix: { rows, columns, values }, operation }) => ({
        operation,
        load: () =>
          Promise.resolve(success({ rows, columns, terms: [{ kind: 'values', weight: 1, values }] })),
      })),
      { ...this.context, progress: () => undefined },
      (outcome) => outcomes.push(outcome),
    );
    return read.ok ? success(outcomes) : read;
  }
}

/** Aligning takes a product of every two heads of a group; more of them would take minutes a layer in large models. */
const PAIRS_ALIGNED = 128;

async function pooling(stacked: Dense, heads: number, alignment: Alignment): Promise<Pooling[]> {
  const list: Pooling[] = [];
  for (const groups of divisorsBelow(heads)) {
    await pause();
    list.push({
      groups,
      residual: pooledResidual(stacked, heads, groups, 'none'),
      aligned:
        alignment === 'none' || heads ** 2 / groups > PAIRS_ALIGNED
          ? null
          : pooledResidual(stacked, heads, groups, alignment),
    });
  }
  return list;
}

function stack(x: Dense, y: Dense): Dense | null {
  if (x.columns !== y.columns) return null;
  const values = new Float64Array(x.values.length + y.values.length);
  values.set(x.values);
  values.set(y.values, x.values.length);
  return { rows: x.rows + y.rows, columns: x.columns, values };
}

/** What the captions of a run say. */
export interface KeyValueCaptions extends KeyValueOptions {
  readonly tokens: number;
  readonly bytes: number;
  readonly caption: string;
}

/** Both projections whose heads a cache holds. */
export const PROJECTIONS = [
  { name: 'key', title: 'Keys' },
  { name: 'value', title: 'Values' },
] as const;

/** How the cache of a model could be smaller. */
export function plansOf({ blocks, figures }: KeyValueModel) {
  const latent = figures.map((own) => own?.latent ?? null);
  return cachePlans(blocks, latent.some((size) => size === null) ? null : latent.map((size) => size ?? 0));
}
