/** Sums over one base and one task, as the loops below add them up. */
export interface PairSums {
  taskSquares: number;
  dot: number;
  deltaSquares: number;
  deltaAbsMax: number;
  identical: number;
  signFlips: number;
  skipped: number;
}

/** Sums over nothing. */
export function noPairSums(): PairSums {
  return {
    taskSquares: 0,
    dot: 0,
    deltaSquares: 0,
    deltaAbsMax: 0,
    identical: 0,
    signFlips: 0,
    skipped: 0,
  };
}

/** Σx² over the finite ones of the first `count` values, and whether all of them were finite. */
export function finiteSquares(x: Float64Array, count: number): { squares: number; allFinite: boolean } {
  const squares = plainSquares(x, count);
  if (Number.isFinite(squares)) return { squares, allFinite: true };
  let finite = 0;
  let skipped = 0;
  for (let i = 0; i < count; i++) {
    const value = x[i] as number;
    if (Number.isFinite(value)) finite += value * value;
    else skipped++;
  }
  return { squares: finite, allFinite: skipped === 0 };
}

function plainSquares(x: Float64Array, count: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const x0 = x[i] as number;
    const x1 = x[i + 1] as number;
    const x2 = x[i + 2] as number;
    const x3 = x[i + 3] as number;
    s0 += x0 * x0;
    s1 += x1 * x1;
    s2 += x2 * x2;
    s3 += x3 * x3;
  }
  for (; i < count; i++) s0 += (x[i] as number) ** 2;
  return s0 + s1 + (s2 + s3);
}

/**
 * Adds the sums over `count` entries to `into`, with τ = θ − θ₀ given in `delta`. Knows nothing of entries that are not
 * finite: where there is one, `false`, and nothing is added. Products must not underflow, so no float64 on disk.
 */
export function addFinitePairs(
  base: Float64Array,
  task: Float64Array,
  delta: Float64Array,
  count: number,
  into: PairSums,
): boolean {
  let taskSquares = 0;
  let dot = 0;
  let deltaSquares = 0;
  let largest = 0;
  let identical = 0;
  let flips = 0;
  for (let i = 0; i < count; i++) {
    const x = base[i] as number;
    const y = task[i] as number;
    const difference = delta[i] as number;
    const product = x * y;
    taskSquares += y * y;
    dot += product;
    deltaSquares += difference * difference;
    const size = Math.abs(difference);
    if (size > largest) largest = size;
    // Counting without branches: in a half-changed bfloat16 checkpoint they would be mispredicted all the time.
    identical += Number(difference === 0) | 0;
    flips += Number(product < 0) | 0;
  }
  // An entry that is not finite always shows here, whichever side it is on.
  if (!Number.isFinite(taskSquares + deltaSquares)) return false;
  into.taskSquares += taskSquares;
  into.dot += dot;
  into.deltaSquares += deltaSquares;
  into.deltaAbsMax = Math.max(into.deltaAbsMax, largest);
  into.identical += identical;
  into.signFlips += flips;
  return true;
}

/**
 * The same for any entries. An entry where base, task or τ is not finite counts as skipped
 * and in nothing else, and its τ is set to 0, so that it adds nothing to an inner product either.
 */
export function addAnyPairs(
  base: Float64Array,
  task: Float64Array,
  delta: Float64Array,
  count: number,
  into: PairSums,
): void {
  for (let i = 0; i < count; i++) {
    const x = base[i] as number;
    const y = task[i] as number;
    const difference = delta[i] as number;
    if (!Number.isFinite(x) || !Number.isFinite(y) || !Number.isFinite(difference)) {
      into.skipped++;
      delta[i] = 0;
      continue;
    }
    into.taskSquares += y * y;
    into.dot += x * y;
    into.deltaSquares += difference * difference;
    into.deltaAbsMax = Math.max(into.deltaAbsMax, Math.abs(difference));
    if (difference === 0) into.identical++;
    if ((x < 0 && y > 0) || (x > 0 && y < 0)) into.signFlips++;
  }
}
