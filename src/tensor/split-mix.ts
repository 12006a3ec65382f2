const MASK = (1n << 64n) - 1n;

/** SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 17). */
export class SplitMix64 {
  private state: bigint;

  constructor(seed: number) {
    this.state = BigInt(Math.trunc(seed)) & MASK;
  }

  /** The next 64 bits, unsigned. */
  next(): bigint {
    this.state = (this.state + 0x9e3779b97f4a7c15n) & MASK;
    let z = this.state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  }

  /** A whole number from 0 to one below `bound` (at most 2^53). */
  below(bound: number): number {
    return Number((this.next() * BigInt(bound)) >> 64n);
  }
}
