import type { TensorEntry } from '../format/checkpoint';
import type { Architecture } from '../model/architecture';
import { attentionGain } from '../model/attention-gain';
import type { AttentionBlock } from '../model/attention';
import type { HeadPart } from '../model/head-part';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import type { MatrixSource } from '../tensor/matrix-source';
import { leftOut, type HeadModel } from './head-models';
import type { HeadWeights } from './head-weights';
import type { LensContext } from './lens';
import { readMatrices } from './matrix-pass';
import { pause } from './pause';

/** One attention block of one model, read. */
export interface ReadBlock {
  readonly weights: HeadWeights;
  /** γ of the norm before the attention, as a factor of each of its inputs; `null` where there is none. */
  readonly gain: Float64Array | null;
}

/** Progress over the blocks of all models: to be called with what a block is called, once for each. */
export function blockProgress(
  blocks: readonly (readonly AttentionBlock[])[],
  context: LensContext,
): (message: string) => void {
  const total = blocks.reduce((sum, each) => sum + each.length, 0);
  let done = 0;
  return (message) => {
    context.progress(Math.min(1, ++done / total), message);
  };
}

/** Keys and values of one attention block, heads one below the other. */
export interface ReadKeyValue {
  readonly key: Dense;
  readonly value: Dense;
  readonly gain: Float64Array | null;
}

const PARTS = ['query', 'key', 'value', 'output'] as const;
type PartName = (typeof PARTS)[number];
type Stacks = Partial<Record<PartName, Dense>>;

/** Reads attention blocks, and keeps account of bytes and of what was left out. */
export class HeadReader {
  readonly findings: Finding[] = [];
  bytesRead = 0;

  constructor(
    private readonly architecture: Architecture | null,
    private readonly context: LensContext,
  ) {}

  /**
   * Reads one block of a model: one block is in memory at a time. `null` where it is left out, with a finding: a tensor is
   * missing, or holds NaN or infinities. Fails as reading does, or with `cancelled`.
   */
  async read(model: HeadModel, block: AttentionBlock): Promise<Result<ReadBlock | null>> {
    const parts = await this.parts(model, block, PARTS);
    if (!parts.ok) return parts;
    if (!parts.value) return success(null);
    const { query, key, value, output } = parts.value.stacks;
    if (!query || !key || !value || !output) return success(null);
    const { heads, keyValueHeads, headSize } = block;
    const weights = {
      heads,
      keyValueHeads,
      headSize,
      valueSize: block.value.size,
      query,
      key,
      value,
      output,
    };
    return success({ weights, gain: parts.value.gain });
  }

  /** Reads keys and values of a block, as {@link read} does. */
  async readKeyValue(model: HeadModel, block: AttentionBlock): Promise<Result<ReadKeyValue | null>> {
    const parts = await this.parts(model, block, ['key', 'value']);
    if (!parts.ok) return parts;
    if (!parts.value) return success(null);
    const { key, value } = parts.value.stacks;
    return success(key && value ? { key, value, gain: parts.value.gain } : null);
  }

  private async parts(
    model: HeadModel,
    block: AttentionBlock,
    names: readonly PartName[],
  ): Promise<Result<{ stacks: Stacks; gain: Float64Array | null } | null>> {
    await pause();
    if (this.context.signal.aborted) return cancelled();
    const stacks: Stacks = {};
    for (const name of names) {
      const part = block[name];
      if (!part) return this.leaveOut(model, block, 'it has no output projection.');
      const matrix = await this.matrix(model, block, part.entry, sourceShape(part));
      if (!matrix.ok) return matrix;
      if (!matrix.value) return success(null);
      stacks[name] = stackedHeads(matrix.value, part);
    }
    const gain = await this.gain(model, block);
    return gain.ok ? success({ stacks, gain: gain.value }) : gain;
  }

  private async gain(model: HeadModel, block: AttentionBlock): Promise<Result<Float64Array | null>> {
    const found = attentionGain(block, model.tensors, this.architecture);
    if (!found) return success(null);
    const columns = found.entry.span.count;
    const read = await this.matrix(model, block, found.entry, { rows: 1, columns });
    if (!read.ok) return read;
    return success(read.value && read.value.values.map((value) => value + found.offset));
  }

  private async matrix(
    model: HeadModel,
    block: AttentionBlock,
    entry: TensorEntry,
    shape: Omit<MatrixSource, 'terms'>,
  ): Promise<Result<Dense | null>> {
    const loading = model.termsOf(entry);
    if (!loading) return this.leaveOut(model, block, `there is no ${entry.name} of the base's shape.`);
    const terms = await loading;
    if (!terms.ok) return terms;
    let values: Float64Array | null = null;
    let nonFinite = 0;
    const quiet = { ...this.context, progress: () => undefined };
    const source = { ...shape, terms: terms.value };
    const read = await readMatrices(
      [{ operation: { kind: 'values' }, load: () => Promise.resolve(success(source)) }],
      quiet,
      (outcome) => {
        values = outcome.values;
        nonFinite = outcome.nonFinite;
      },
    );
    if (!read.ok) return read;
    for (const term of terms.value) if (term.kind === 'tensor') this.bytesRead += term.span.bytes;
    if (nonFinite > 0) {
      return this.leaveOut(model, block, `${entry.name} holds ${nonFinite} NaN or infinities.`);
    }
    return success(values && { rows: shape.rows, columns: shape.columns, values });
  }

  private leaveOut(model: HeadModel, block: AttentionBlock, reason: string): Result<null> {
    this.findings.push(leftOut(model, block.label, reason));
    return success(null);
  }
}

/** The tensor turned so that heads lie in rows. */
function sourceShape({ entry, stored, axis }: HeadPart): Omit<MatrixSource, 'terms'> {
  const first = entry.span.shape[0] ?? 1;
  const rest = first > 0 ? entry.span.count / first : 0;
  const turned = (axis === 'out') === (stored === 'in-out');
  return turned ? { rows: rest, columns: first, transposed: true } : { rows: first, columns: rest };
}

/** The rows of all heads one below the other; the matrix itself where they already lie so. */
function stackedHeads(matrix: Dense, { starts, size }: HeadPart): Dense {
  const { columns } = matrix;
  const inOrder = starts.every((start, head) => start === head * size);
  if (inOrder && starts.length * size === matrix.rows) return matrix;
  const values = new Float64Array(starts.length * size * columns);
  starts.forEach((start, head) => {
    values.set(matrix.values.subarray(start * columns, (start + size) * columns), head * size * columns);
  });
  return { rows: starts.length * size, columns, values };
}
