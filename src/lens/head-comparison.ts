import type { AttentionBlock } from '../model/attention';
import { cancelled, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { poolingResidual } from './head-pooling';
import { selfAttention, type HeadModel } from './head-models';
import type { HeadReader } from './head-reading';
import type { ComparedModel, ProjectionResidual, Similarities } from './head-sharing-artifacts';
import { circuitCosines, circuitNorms, scaledResidual, shareCosines } from './head-similarity';
import { foldGain, headRows, type HeadWeights } from './head-weights';
import type { LensContext } from './lens';
import { pause } from './pause';

export interface ComparisonOptions {
  /** Whether gains are folded before W_QK and W_OV are compared. */
  readonly fold: boolean;
  /** Whether W_QK and W_OV are compared at all: always, never, or up to {@link COST_LIMIT} multiplications. */
  readonly operators: string;
  /** For every block read whether it has a norm before it. */
  readonly folded: boolean[];
}

/** About ten minutes. */
export const COST_LIMIT = 4e11;
/** Blocks that are held to be compared with all later ones. */
const SHARE_OF_BUDGET = 1 / 3;

interface HeldBlock {
  readonly index: number;
  readonly raw: HeadWeights;
  readonly folded: HeadWeights;
  readonly norms: { readonly qk: Float64Array; readonly ov: Float64Array } | null;
}

/**
 * Compares all heads of one model. As many blocks as fit are held at once and compared with every later one, so later ones
 * are read again for every such run of blocks. `progress` gets the share done. Fails as reading does, or with `cancelled`.
 */
export async function compareHeads(
  model: HeadModel,
  reader: HeadReader,
  options: ComparisonOptions,
  context: LensContext,
  progress: (share: number) => void,
): Promise<Result<ComparedModel>> {
  const comparison = new Comparison(model, options, reader);
  const blocks = comparison.blocks;
  const pairs = (blocks.length * (blocks.length + 1)) / 2;
  let done = 0;
  for (let first = 0; first < blocks.length;) {
    const held: HeldBlock[] = [];
    let room = context.memoryBudget * SHARE_OF_BUDGET;
    let next = first;
    for (; next < blocks.length; next++) {
      const needed = bytesOf(comparison.blocks[next], options.fold);
      if (next > first && needed > room) break;
      room -= needed;
      const read = await comparison.read(next, true);
      if (!read.ok) return read;
      if (read.value) held.push(read.value);
    }
    for (let at = first; at < blocks.length; at++) {
      const later = held.find(({ index }) => index === at);
      const read = later || at < next ? success(later ?? null) : await comparison.read(at, false);
      if (!read.ok) return read;
      for (const earlier of held) {
        if (earlier.index > at) continue;
        await pause();
        if (context.signal.aborted) return cancelled();
        if (read.value) comparison.compare(earlier, read.value);
      }
      done += Math.min(next, at + 1) - first;
      progress(Math.min(1, done / pairs));
    }
    first = next;
  }
  return success(comparison.result());
}

class Comparison {
  readonly blocks;
  private readonly skipped = new Set<number>();
  private readonly residuals: ProjectionResidual[] = [];
  private readonly weights: PairTable;
  private readonly qk: PairTable | null;
  private readonly ov: PairTable | null;

  constructor(
    private readonly model: HeadModel,
    private readonly options: ComparisonOptions,
    private readonly reader: HeadReader,
  ) {
    this.blocks = selfAttention(model);
    this.weights = new PairTable(this.blocks.map(({ keyValueHeads }) => keyValueHeads));
    const wanted = options.operators !== 'never' && (options.operators === 'always' || this.isCheap());
    const heads = this.blocks.map((block) => block.heads);
    this.qk = wanted ? new PairTable(heads) : null;
    this.ov = wanted ? new PairTable(heads) : null;
  }

  async read(index: number, first: boolean): Promise<Result<HeldBlock | null>> {
    const block = this.blocks[index];
    if (!block || this.skipped.has(index)) return success(null);
    const read = await this.reader.read(this.model, block);
    if (!read.ok) return read;
    if (!read.value) {
      this.skipped.add(index);
      return success(null);
    }
    const { weights: raw, gain } = read.value;
    if (first) {
      this.options.folded.push(gain !== null);
      this.addResiduals(index, raw);
    }
    const folded = this.qk && this.options.fold ? foldGain(raw, gain) : raw;
    const norms = this.qk ? { qk: circuitNorms(folded, 'qk'), ov: circuitNorms(folded, 'ov') } : null;
    return success({ index, raw, folded, norms });
  }

  compare(a: HeldBlock, b: HeldBlock): void {
    this.weights.set(a.index, b.index, shareCosines(a.raw, b.raw));
    if (!a.norms || !b.norms) return;
    for (const name of ['qk', 'ov'] as const) {
      const norms = { a: a.norms[name], b: b.norms[name] };
      this[name]?.set(a.index, b.index, circuitCosines(a.folded, b.folded, name, norms));
    }
  }

  result(): ComparedModel {
    const { name, isBase } = this.model;
    const shared = this.blocks.some(({ heads, keyValueHeads }) => heads !== keyValueHeads);
    return {
      name,
      isBase,
      blocks: this.blocks,
      weights: this.similarities(this.weights, shared ? 'key-value head' : 'head'),
      qk: this.qk && this.similarities(this.qk, 'head'),
      ov: this.ov && this.similarities(this.ov, 'head'),
      residuals: this.residuals,
    };
  }

  private similarities({ sizes, values }: PairTable, what: string): Similarities {
    const entries = this.blocks.flatMap(({ label, layer }, block) =>
      Array.from({ length: sizes[block] ?? 0 }, (_, head) => ({
        label: `${label} · ${what} ${String(head)}`,
        layer,
        head,
      })),
    );
    const blocks = sizes.flatMap((size, block) => Array.from({ length: size }, () => block));
    return { entries, blocks, values };
  }

  private addResiduals(index: number, weights: HeadWeights): void {
    const block = this.blocks[index];
    if (!block) return;
    const { heads, keyValueHeads } = weights;
    const stacks: readonly [ProjectionResidual['projection'], Dense, number][] = [
      ['query', weights.query, heads],
      ['key', weights.key, keyValueHeads],
      ['value', weights.value, keyValueHeads],
      ['output', weights.output, heads],
    ];
    for (const [projection, stacked, count] of stacks) {
      const size = stacked.rows / count;
      const parts = Array.from({ length: count }, (_, head) => headRows(stacked, head, size));
      this.residuals.push({
        block,
        projection,
        heads: count,
        mean: count > 1 ? poolingResidual(parts, 'none') : null,
        scaled: count > 1 ? scaledResidual(stacked, count) : null,
      });
    }
  }

  private isCheap(): boolean {
    let cost = 0;
    this.blocks.forEach((a, index) => {
      for (const b of this.blocks.slice(index)) cost += cosineCost(a, b);
    });
    return cost <= COST_LIMIT;
  }
}

/** Multiplications that the matrices of two blocks take. */
function cosineCost(a: AttentionBlock, b: AttentionBlock): number {
  const hidden = a.query.entry.span.count / (a.heads * a.headSize);
  const queries = a.heads * b.heads + a.keyValueHeads * b.keyValueHeads;
  return queries * (a.headSize * b.headSize + a.value.size * b.value.size) * hidden;
}

/** Bytes of a block in memory, with a copy of three of its four parts where gains are folded. */
function bytesOf(block: AttentionBlock | undefined, fold: boolean): number {
  if (!block) return 0;
  const { heads, keyValueHeads, headSize, value, query } = block;
  const hidden = query.entry.span.count / (heads * headSize);
  const rows = heads * (headSize + value.size) + keyValueHeads * (headSize + value.size);
  return 8 * hidden * rows * (fold ? 2 : 1);
}

/** A symmetric table over the heads of all blocks, NaN where nothing was set. */
class PairTable {
  readonly values: Float64Array;
  private readonly starts: readonly number[];
  private readonly n: number;

  constructor(readonly sizes: readonly number[]) {
    let n = 0;
    this.starts = sizes.map((size) => (n += size) - size);
    this.n = n;
    this.values = new Float64Array(n * n).fill(NaN);
  }

  set(a: number, b: number, block: Float64Array | null): void {
    const [heightA, widthB] = [this.sizes[a] ?? 0, this.sizes[b] ?? 0];
    const [startA, startB] = [this.starts[a] ?? 0, this.starts[b] ?? 0];
    if (!block) return;
    for (let i = 0; i < heightA; i++) {
      for (let j = 0; j < widthB; j++) {
        const value = block[i * widthB + j] ?? NaN;
        this.values[(startA + i) * this.n + startB + j] = value;
        this.values[(startB + j) * this.n + startA + i] = value;
      }
    }
  }
}
