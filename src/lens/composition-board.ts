import type { AttentionBlock } from '../model/attention';
import type { AxisEntry } from '../protocol/artifact';
import { COMPOSITIONS, type Composition } from './head-readers';

/** Attention blocks of one model with their heads numbered through. */
export interface HeadAxis {
  readonly blocks: readonly AttentionBlock[];
  /** Number of a block's first head. */
  readonly starts: readonly number[];
  readonly heads: readonly AxisEntry[];
}

/** Numbers the heads of blocks through, in their order. */
export function headAxis(blocks: readonly AttentionBlock[]): HeadAxis {
  const starts: number[] = [];
  const heads: AxisEntry[] = [];
  for (const { layer, label, heads: count } of blocks) {
    starts.push(heads.length);
    for (let head = 0; head < count; head++) heads.push({ label: `${label} · head ${head}`, layer, head });
  }
  return { blocks, starts, heads };
}

/** The strongest component between one earlier and one later head, of one kind. */
export interface HeadPair {
  readonly kind: Composition;
  /** Numbers of heads along the axis. */
  readonly early: number;
  readonly late: number;
  /** From 0, by falling singular value. */
  readonly component: number;
  /** σ²/Σσ² of the component in the W_OV of the earlier head. */
  readonly energy: number;
  readonly score: number;
  /** Score ÷ 1/√hidden, what a random direction scores in the root mean square. */
  readonly ratio: number;
  /** (score² − 1/hidden) in standard deviations of a random direction. */
  readonly deviations: number;
}

/** More heads than this are shown layer by layer: the matrix of all heads would be too large to read. */
export const HEADS_SHOWN = 512;
/** A pair stands out from random directions beyond so many standard deviations. */
export const STANDS_OUT = 5;

/** Collects what heads of one model write to later ones: the strongest pairs, and the strongest of each pair or layer pair. */
export class CompositionBoard {
  pairs = 0;
  standingOut = 0;
  /** Rows and columns of the matrices: heads, or blocks where there are more than {@link HEADS_SHOWN} heads. */
  readonly byHead: boolean;
  readonly size: number;
  private readonly best: Readonly<Record<Composition, Float64Array>>;
  private readonly list: HeadPair[] = [];
  private readonly blockOf: readonly number[];

  constructor(
    readonly axis: HeadAxis,
    /** How many pairs are kept one by one. */
    private readonly limit: number,
  ) {
    this.byHead = axis.heads.length <= HEADS_SHOWN;
    this.size = this.byHead ? axis.heads.length : axis.blocks.length;
    const cells = () => new Float64Array(this.size ** 2).fill(NaN);
    this.best = { Q: cells(), K: cells(), V: cells() };
    this.blockOf = axis.blocks.flatMap(({ heads }, block) => Array.from({ length: heads }, () => block));
  }

  add(pair: HeadPair): void {
    if (Number.isNaN(pair.ratio)) return;
    this.pairs++;
    if (pair.deviations > STANDS_OUT) this.standingOut++;
    const cell = this.cellOf(pair.early, pair.late);
    const cells = this.best[pair.kind];
    const before = cells[cell] ?? NaN;
    if (!(before >= pair.ratio)) cells[cell] = pair.ratio;
    this.keep(pair);
  }

  /** The strongest pairs, strongest first. */
  strongest(): readonly HeadPair[] {
    return this.list;
  }

  /** Row-major; `null` where nothing composes, as with a head of the same or an earlier layer. */
  cells(kind: Composition): (number | null)[] {
    return Array.from(this.best[kind], (value) => (Number.isNaN(value) ? null : value));
  }

  /** The strongest ratio of a pair of heads (of their layers, where heads are not kept); `null` where there is none. */
  ratioOf({ kind, early, late }: Pick<HeadPair, 'kind' | 'early' | 'late'>): number | null {
    const value = this.best[kind][this.cellOf(early, late)] ?? NaN;
    return Number.isNaN(value) ? null : value;
  }

  /** The strongest ratio that anything a head writes reaches, over all kinds and later heads; `null` for heads of the last layer. */
  strongestOf(early: number): number | null {
    let most: number | null = null;
    if (!this.byHead) return null;
    for (const kind of COMPOSITIONS) {
      for (let late = 0; late < this.size; late++) {
        const ratio = this.ratioOf({ kind, early, late });
        if (ratio !== null && (most === null || ratio > most)) most = ratio;
      }
    }
    return most;
  }

  private cellOf(early: number, late: number): number {
    if (this.byHead) return early * this.size + late;
    return (this.blockOf[early] ?? 0) * this.size + (this.blockOf[late] ?? 0);
  }

  private keep(pair: HeadPair): void {
    const { list } = this;
    if (list.length === this.limit && pair.ratio <= (list.at(-1)?.ratio ?? Infinity)) return;
    let at = list.length;
    while (at > 0 && (list[at - 1]?.ratio ?? Infinity) < pair.ratio) at--;
    list.splice(at, 0, pair);
    if (list.length > this.limit) list.pop();
  }
}
