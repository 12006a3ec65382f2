/** A mean of cosines between vectors as it grows, with its spread. */
export class MeanCosine {
  private count = 0;
  private mean = 0;
  private m2 = 0;
  private undefinedPairs = 0;

  /**
   * Adds the cosine of every two vectors: `x` and `y` hold as many of `length` entries each, one after the other. Pairs
   * with a vector of zeros, or an entry that is not finite, have none and are counted apart.
   */
  add(x: ArrayLike<number>, y: ArrayLike<number>, length: number): void {
    for (let start = 0; start + length <= x.length; start += length) {
      let dot = 0;
      let squaresX = 0;
      let squaresY = 0;
      for (let i = start; i < start + length; i++) {
        const a = x[i] ?? 0;
        const b = y[i] ?? 0;
        dot += a * b;
        squaresX += a * a;
        squaresY += b * b;
      }
      const cosine = dot / Math.sqrt(squaresX * squaresY);
      if (Number.isFinite(cosine)) this.take(Math.max(-1, Math.min(1, cosine)));
      else this.undefinedPairs++;
    }
  }

  /** `null` where no pair had a cosine. */
  get value(): number | null {
    return this.count === 0 ? null : this.mean;
  }

  /** Standard error of the mean were the pairs independent; `null` below two of them. */
  get standardError(): number | null {
    return this.count < 2 ? null : Math.sqrt(this.m2 / (this.count - 1) / this.count);
  }

  /** Pairs without a cosine. */
  get skipped(): number {
    return this.undefinedPairs;
  }

  /** Welford's update. */
  private take(cosine: number): void {
    this.count++;
    const off = cosine - this.mean;
    this.mean += off / this.count;
    this.m2 += off * (cosine - this.mean);
  }
}
