import { pairAt, pairsOf, type SignCounts } from '../tensor/task-masks';

/** Figures of sign conflict over some tensors; `null` is undefined (0/0). Names are those of the tables' columns. */
export interface SignFigures {
  readonly conflict_any: number | null;
  readonly index: number | null;
  readonly elected_positive: number | null;
  readonly elected_negative: number | null;
  readonly elected_none: number | null;
  readonly agreeing: number | null;
  readonly inactive: number | null;
  readonly unique: number | null;
  readonly shared: number | null;
}

/** Sign counts over some tensors, from which every figure of sign conflict follows. */
export class SignSums {
  private counted = 0;
  private sumSquares = 0;
  /** Σ‖τ‖², and the same times the number of tasks that have the tensor. */
  private squares = 0;
  private weightedSquares = 0;
  private opposedAny = 0;
  private positive = 0;
  private negative = 0;
  private unique = 0;
  private shared = 0;
  private readonly changed: Float64Array;
  private readonly agreeing: Float64Array;
  private readonly uniqueOf: Float64Array;
  private readonly opposed: Float64Array;
  private readonly both: Float64Array;

  /** `tasks` is their number; without `pairs` nothing is kept of single pairs. */
  constructor(
    readonly tasks: number,
    private readonly pairs: boolean,
  ) {
    this.changed = new Float64Array(tasks);
    this.agreeing = new Float64Array(tasks);
    this.uniqueOf = new Float64Array(tasks);
    this.opposed = new Float64Array(pairs ? pairsOf(tasks) : 0);
    this.both = new Float64Array(pairs ? pairsOf(tasks) : 0);
  }

  /** Adds one tensor: its counts, whose tasks these are (ascending), and how many tasks have it, be it unchanged. */
  add(counts: SignCounts, members: readonly number[], having: number): void {
    this.counted += counts.counted;
    this.sumSquares += counts.sumSquares;
    const squares = counts.squares.reduce((sum, each) => sum + each, 0);
    this.squares += squares;
    this.weightedSquares += having * squares;
    this.opposedAny += counts.opposedAny;
    this.positive += counts.electedPositive;
    this.negative += counts.electedNegative;
    this.unique += counts.unique;
    this.shared += counts.shared;
    for (const [position, task] of members.entries()) {
      addAt(this.changed, task, counts.changed[position]);
      addAt(this.agreeing, task, counts.agreeing[position]);
      addAt(this.uniqueOf, task, counts.uniqueOf[position]);
    }
    if (this.pairs) this.addPairs(counts, members);
  }

  private addPairs(counts: SignCounts, members: readonly number[]): void {
    let from = 0;
    for (const [position, i] of members.entries()) {
      for (let other = position + 1; other < members.length; other++, from++) {
        const at = pairAt(i, members[other] as number, this.tasks);
        addAt(this.opposed, at, counts.opposed[from]);
        addAt(this.both, at, counts.both[from]);
      }
    }
  }

  /** Share with τᵢ·τⱼ < 0 among the entries that both change; `null` where there are none. */
  conflict(i: number, j: number): number | null {
    if (i === j) return this.changed[i] === 0 ? null : 0;
    const at = pairAt(Math.min(i, j), Math.max(i, j), this.tasks);
    return share(this.opposed[at] ?? 0, this.both[at] ?? 0);
  }

  /** Entries that both tasks of a pair change. */
  inBoth(i: number, j: number): number {
    return this.both[pairAt(Math.min(i, j), Math.max(i, j), this.tasks)] ?? 0;
  }

  /** Of the entries that a task changes: the share with the elected sign. */
  agreeingOf(task: number): number | null {
    return share(this.agreeing[task] ?? 0, this.changed[task] ?? 0);
  }

  /** Of all entries: the share that a task changes, and the share in which it alone is active. */
  changedShare(task: number): number | null {
    return share(this.changed[task] ?? 0, this.counted);
  }

  uniqueShare(task: number): number | null {
    return share(this.uniqueOf[task] ?? 0, this.counted);
  }

  get energy(): number {
    return this.squares;
  }

  figures(): SignFigures {
    const { counted, weightedSquares } = this;
    const agreeing = this.agreeing.reduce((sum, each) => sum + each, 0);
    const changed = this.changed.reduce((sum, each) => sum + each, 0);
    const index = share(this.sumSquares, weightedSquares);
    return {
      conflict_any: share(this.opposedAny, counted),
      // Rounding may make the sum of equal vectors a little longer than it can be.
      index: index === null ? null : Math.max(0, 1 - index),
      elected_positive: share(this.positive, counted),
      elected_negative: share(this.negative, counted),
      elected_none: share(counted - this.positive - this.negative, counted),
      agreeing: share(agreeing, changed),
      inactive: share(counted - this.unique - this.shared, counted),
      unique: share(this.unique, counted),
      shared: share(this.shared, counted),
    };
  }
}

function addAt(sums: Float64Array, at: number, value: number | undefined): void {
  sums[at] = (sums[at] as number) + (value ?? 0);
}

function share(part: number, whole: number): number | null {
  const value = part / whole;
  return Number.isFinite(value) ? value : null;
}
