/** Value and gradient of a function at a point. */
export interface Slope {
  readonly value: number;
  readonly gradient: Float64Array;
}

const HISTORY = 10;
const MOST_STEPS = 500;
const FLAT = 1e-7;
/** A step must lower the value by at least this share of what its slope promises (Armijo's condition). */
const ENOUGH = 1e-4;

/**
 * The least value of a smooth convex function from `start` on, by L-BFGS with 10 pairs and halved steps (Nocedal, Wright,
 * Numerical Optimization, algorithms 7.4 and 3.1): until no entry of the gradient is above 10⁻⁷, or after 500 steps.
 */
export function minimise(start: Float64Array, slopeAt: (point: Float64Array) => Slope): Float64Array {
  let point: Float64Array = start.slice();
  let slope = slopeAt(point);
  const pairs: Pair[] = [];
  for (let step = 0; step < MOST_STEPS; step++) {
    if (slope.gradient.every((each) => Math.abs(each) <= FLAT)) break;
    const direction = descent(slope.gradient, pairs);
    const promised = inner(direction, slope.gradient);
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(inner(slope.gradient, slope.gradient))) : 1;
    let next: Float64Array = moved(point, direction, length);
    let after = slopeAt(next);
    while (!(after.value <= slope.value + ENOUGH * length * promised) && length > 1e-12) {
      length /= 2;
      next = moved(point, direction, length);
      after = slopeAt(next);
    }
    if (!(after.value < slope.value)) break;
    const change = next.map((value, at) => value - (point[at] ?? 0));
    const turn = after.gradient.map((value, at) => value - (slope.gradient[at] ?? 0));
    const curvature = inner(change, turn);
    if (curvature > 0) pairs.push({ change, turn, rho: 1 / curvature });
    if (pairs.length > HISTORY) pairs.shift();
    point = next;
    slope = after;
  }
  return point;
}

interface Pair {
  readonly change: Float64Array;
  readonly turn: Float64Array;
  readonly rho: number;
}

/** −H·g by the two loops of L-BFGS. */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((each) => -each);
  const weights: number[] = [];
  for (const { change, turn, rho } of [...pairs].reverse()) {
    const weight = rho * inner(change, direction);
    weights.unshift(weight);
    addScaled(direction, turn, -weight);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * inner(last.turn, last.turn));
    direction.forEach((each, at) => (direction[at] = each * scale));
  }
  for (const [at, { change, turn, rho }] of pairs.entries()) {
    addScaled(direction, change, (weights[at] ?? 0) - rho * inner(turn, direction));
  }
  return direction;
}

function inner(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < x.length; at++) sum += (x[at] ?? 0) * (y[at] ?? 0);
  return sum;
}

function addScaled(x: Float64Array, y: Float64Array, scale: number): void {
  for (let at = 0; at < x.length; at++) x[at] = (x[at] ?? 0) + scale * (y[at] ?? 0);
}

function moved(x: Float64Array, direction: Float64Array, length: number): Float64Array {
  return x.map((value, at) => value + length * (direction[at] ?? 0));
}
