/** Shifts of logits against the base, row by row, as they add up. Rows are samples or positions. */
export interface ShiftFigures {
  readonly rows: number;
  /** Mean KL(p_ft ‖ p_base) in nats. */
  readonly divergence: number;
  /** Share of rows with the same first class. */
  readonly agreement: number;
  /** Mean root of the mean squared shift, the mean over classes taken off. */
  readonly size: number;
  /** Mean change of the probability of every class. */
  readonly change: Float64Array;
  /** For each strength: share of labelled rows that are right, and mean −log p(label). `null` without labels. */
  readonly fused: readonly { readonly accuracy: number | null; readonly loss: number | null }[];
}

/** Sums over rows of logits of the base and of a fine-tune. */
export class ShiftSums {
  private rows = 0;
  private labelled = 0;
  private divergence = 0;
  private agreement = 0;
  private size = 0;
  private readonly change: Float64Array;
  private readonly right: Float64Array;
  private readonly loss: Float64Array;

  /** `strengths`: α of s_base + α(s_ft − s_base). */
  constructor(
    readonly classes: number,
    private readonly strengths: readonly number[],
  ) {
    this.change = new Float64Array(classes);
    this.right = new Float64Array(strengths.length);
    this.loss = new Float64Array(strengths.length);
  }

  /** One row; `label`: −1 where it has none. */
  add(base: Float64Array, tuned: Float64Array, label: number): void {
    const [p, q] = [logSoftmax(base), logSoftmax(tuned)];
    this.rows++;
    let [squares, sum] = [0, 0];
    for (let k = 0; k < this.classes; k++) {
      const [from, to] = [Math.exp(p[k] ?? 0), Math.exp(q[k] ?? 0)];
      if (to > 0) this.divergence += to * ((q[k] ?? 0) - (p[k] ?? 0));
      this.change[k] = (this.change[k] ?? 0) + to - from;
      const shift = (tuned[k] ?? 0) - (base[k] ?? 0);
      sum += shift;
      squares += shift * shift;
    }
    const mean = sum / this.classes;
    this.size += Math.sqrt(Math.max(0, squares / this.classes - mean * mean));
    this.agreement += Number(largest(base) === largest(tuned));
    if (label < 0 || label >= this.classes) return;
    this.labelled++;
    this.strengths.forEach((alpha, at) => {
      const fused = base.map((value, k) => value + alpha * ((tuned[k] ?? 0) - value));
      this.right[at] = (this.right[at] ?? 0) + Number(largest(fused) === label);
      this.loss[at] = (this.loss[at] ?? 0) - (logSoftmax(fused)[label] ?? 0);
    });
  }

  figures(): ShiftFigures {
    const { rows, labelled } = this;
    const n = Math.max(1, rows);
    return {
      rows,
      divergence: Math.max(0, this.divergence / n),
      agreement: this.agreement / n,
      size: this.size / n,
      change: this.change.map((value) => value / n),
      fused: this.strengths.map((_, at) => ({
        accuracy: labelled > 0 ? (this.right[at] ?? 0) / labelled : null,
        loss: labelled > 0 ? (this.loss[at] ?? 0) / labelled : null,
      })),
    };
  }
}

/** log softmax, stable. */
export function logSoftmax(logits: Float64Array): Float64Array {
  const most = logits.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
  const sum = logits.reduce((total, value) => total + Math.exp(value - most), 0);
  return logits.map((value) => value - most - Math.log(sum));
}

function largest(values: Float64Array): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if ((values[k] ?? 0) > (values[best] ?? 0)) best = k;
  return best;
}

/** Takes the mean over classes off every row: softmax does not see it. */
export function centredShift(base: Float64Array, tuned: Float64Array, classes: number): Float64Array {
  const shift = tuned.map((value, at) => value - (base[at] ?? 0));
  for (let start = 0; start < shift.length; start += classes) {
    const row = shift.subarray(start, start + classes);
    const mean = row.reduce((sum, value) => sum + value, 0) / classes;
    row.forEach((value, k) => (row[k] = value - mean));
  }
  return shift;
}
