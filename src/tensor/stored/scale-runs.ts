import type { ScaledStore } from './stored';

/** What stands beside the codes, in memory. */
export interface Scales {
  readonly scales: Float64Array;
  readonly zeros: Float64Array | null;
  readonly shifts: Float64Array | null;
  readonly groups: Float64Array | null;
  /** `factor`, with the overall scale in it. */
  readonly factor: number;
}

/** Elements that follow each other with one scale and zero: (code − zero) · by + plus. */
export interface ScaleRun {
  zero: number;
  by: number;
  plus: number;
  length: number;
}

/** The runs of elements with one scale, from an element on, row by row. */
export class ScaleRuns {
  /** Columns at which a run of a row ends, and the group of each. */
  private readonly ends: readonly number[];
  private readonly groups: readonly number[];
  private readonly run: ScaleRun = { zero: 0, by: 0, plus: -0, length: 0 };
  private row = 0;
  /** Number of the first scale of the row. */
  private firstScale = 0;
  /** Place of the run in {@link ends}, and the column that comes next. */
  private nth = 0;
  private column = 0;

  constructor(
    private readonly stored: ScaledStore,
    private readonly scales: Scales,
    first: number,
  ) {
    const { columns } = stored;
    const { ends, groups } = runsOfRow(stored, scales.groups);
    this.ends = ends;
    this.groups = groups;
    const row = Math.floor(first / columns);
    const column = first - row * columns;
    let nth = 0;
    while ((ends[nth] ?? columns) <= column) nth++;
    this.goTo(row, nth, column);
  }

  /** The mean length of a run. */
  get meanLength(): number {
    return this.stored.columns / Math.max(1, this.ends.length);
  }

  /** Whether all runs are of an even number of elements. */
  get areEven(): boolean {
    return this.ends.every((end) => end % 2 === 0);
  }

  /** The next run; the object is the same every time. */
  next(): Readonly<ScaleRun> {
    const { run, nth, scales } = this;
    const { columns, zero } = this.stored;
    const end = this.ends[nth] ?? columns;
    const at = this.firstScale + (this.groups[nth] ?? 0);
    run.by = (scales.scales[at] ?? Number.NaN) * scales.factor;
    run.zero = scales.zeros ? zero + (scales.zeros[at] ?? Number.NaN) : zero;
    // Minus zero added leaves every number as it is, minus zero, too.
    run.plus = scales.shifts ? (scales.shifts[at] ?? Number.NaN) : -0;
    run.length = end - this.column;
    this.column = end;
    this.nth = nth + 1;
    if (end >= columns) this.goTo(this.row + 1, 0, 0);
    return run;
  }

  /** Gives back the last `length` elements of the run that {@link next} gave. */
  putBack(length: number): void {
    if (this.column === 0) this.goTo(this.row - 1, this.ends.length, this.stored.columns);
    this.nth--;
    this.column -= length;
  }

  private goTo(row: number, nth: number, column: number): void {
    const { rows, block, groupCount } = this.stored;
    const matrix = Math.floor(row / rows);
    const inMatrix = Math.floor((row - matrix * rows) / block[0]);
    this.firstScale = (matrix * Math.ceil(rows / block[0]) + inMatrix) * groupCount;
    this.row = row;
    this.nth = nth;
    this.column = column;
  }
}

function runsOfRow(
  { columns, block: [, width] }: ScaledStore,
  groups: Float64Array | null,
): { readonly ends: readonly number[]; readonly groups: readonly number[] } {
  const ends: number[] = [];
  const own: number[] = [];
  if (groups === null) {
    for (let end = width; end < columns; end += width) {
      own.push(ends.length);
      ends.push(end);
    }
  } else {
    for (let column = 1; column < columns; column++) {
      if (groups[column] === groups[column - 1]) continue;
      own.push(groups[column - 1] ?? Number.NaN);
      ends.push(column);
    }
  }
  own.push(groups === null ? ends.length : (groups[columns - 1] ?? Number.NaN));
  ends.push(columns);
  return { ends, groups: own };
}
