import { pairAt, pairsOf, type MaskCounts } from '../tensor/task-masks';

/** How entries divide by the number of tasks whose mask has them; `null` is undefined (0/0). */
export interface MaskShares {
  readonly catastrophic: number | null;
  readonly selfish: number | null;
  readonly shared: number | null;
}

/** Counts of masks over some tensors, from which every figure of them follows. */
export class MaskSums {
  counted = 0;
  /** Entries that a task could have in its mask. */
  private readonly entries: Float64Array;
  private readonly on: Float64Array;
  private readonly squares: Float64Array;
  private readonly errors: Float64Array;
  private readonly tasksOn: Float64Array;
  private readonly onBoth: Float64Array;
  private readonly gridOn: Float64Array;
  private readonly gridErrors: Float64Array;

  /** `tasks` is their number, `grid` that of the values of λ tried; without `whole` nothing is kept of pairs and grid. */
  constructor(
    readonly tasks: number,
    readonly grid: number,
    private readonly whole: boolean,
  ) {
    const perTask = () => new Float64Array(tasks);
    this.entries = perTask();
    this.on = perTask();
    this.squares = perTask();
    this.errors = perTask();
    this.tasksOn = new Float64Array(tasks + 1);
    this.onBoth = new Float64Array(whole ? pairsOf(tasks) : 0);
    this.gridOn = new Float64Array(whole ? tasks * grid : 0);
    this.gridErrors = new Float64Array(whole ? tasks * grid : 0);
  }

  /** Adds one tensor: its counts, whose tasks these are (ascending), and which other tasks leave it unchanged. */
  add(counts: MaskCounts, members: readonly number[], unchanged: readonly number[]): void {
    this.counted += counts.counted;
    counts.tasksOn.forEach((count, k) => addAt(this.tasksOn, k, count));
    for (const task of unchanged) addAt(this.entries, task, counts.count);
    for (const [position, task] of members.entries()) {
      addAt(this.entries, task, counts.count - (counts.skipped[position] ?? 0));
      addAt(this.on, task, counts.on[position]);
      addAt(this.squares, task, counts.squares[position]);
      addAt(this.errors, task, counts.errors[position]);
      if (!this.whole) continue;
      for (let value = 0; value < this.grid; value++) {
        const from = position * this.grid + value;
        addAt(this.gridOn, task * this.grid + value, counts.gridOn[from]);
        addAt(this.gridErrors, task * this.grid + value, counts.gridErrors[from]);
      }
    }
    if (this.whole) this.addPairs(counts, members);
  }

  private addPairs(counts: MaskCounts, members: readonly number[]): void {
    let from = 0;
    for (const [position, i] of members.entries()) {
      for (let other = position + 1; other < members.length; other++, from++) {
        addAt(this.onBoth, pairAt(i, members[other] as number, this.tasks), counts.onBoth[from]);
      }
    }
  }

  /** Share of its entries in the mask of a task. */
  density(task: number): number | null {
    return share(this.on[task], this.entries[task]);
  }

  /** ‖mask·τ_MTL − τ‖ / ‖τ‖; `null` for a task that changes nothing. */
  error(task: number): number | null {
    return root(share(this.errors[task], this.squares[task]));
  }

  /** The two figures above for value number `value` of the grid. */
  gridDensity(task: number, value: number): number | null {
    return share(this.gridOn[task * this.grid + value], this.entries[task]);
  }

  gridError(task: number, value: number): number | null {
    return root(share(this.gridErrors[task * this.grid + value], this.squares[task]));
  }

  /** Entries in both masks over those in either. */
  iou(i: number, j: number): number | null {
    const both = this.inBoth(i, j);
    return share(both, (this.on[i] ?? 0) + (this.on[j] ?? 0) - both);
  }

  /** Share of the mask of `i` that lies in the mask of `j`. */
  containment(i: number, j: number): number | null {
    return share(this.inBoth(i, j), this.on[i]);
  }

  private inBoth(i: number, j: number): number {
    if (i === j) return this.on[i] ?? 0;
    return this.onBoth[pairAt(Math.min(i, j), Math.max(i, j), this.tasks)] ?? 0;
  }

  /** Share of the entries in the masks of exactly k tasks, k = 0 … tasks. */
  histogram(): (number | null)[] {
    return Array.from(this.tasksOn, (count) => share(count, this.counted));
  }

  /** Numbers of entries instead of shares. */
  histogramCounts(): number[] {
    return [...this.tasksOn];
  }

  /** In no mask, in exactly one, in more. */
  shares(): MaskShares {
    const [none = 0, one = 0] = this.tasksOn;
    return {
      catastrophic: share(none, this.counted),
      selfish: share(one, this.counted),
      shared: share(this.counted - none - one, this.counted),
    };
  }
}

function addAt(sums: Float64Array, at: number, value: number | undefined): void {
  sums[at] = (sums[at] as number) + (value ?? 0);
}

function share(part: number | undefined, whole: number | undefined): number | null {
  const value = (part ?? 0) / (whole ?? 0);
  return Number.isFinite(value) ? value : null;
}

function root(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
