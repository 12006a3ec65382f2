import { networkOrder } from '../../model/naming';
import { PairSums } from '../pair-sums';
import { ScopeSums, type Scope } from '../scopes';
import type { TaskGradient } from './task-gradients';
import { roundingNoise } from './rounding-noise';

/** Gradients of every two tasks in one part of the network. */
export interface GradientScope {
  /** Inner products; a tensor counts for the tasks that have more than rounding there. */
  readonly pairs: PairSums;
  /** Entries where both gradients are not 0, and of these those with opposite signs; n × n, row-major. */
  readonly compared: Float64Array;
  readonly opposed: Float64Array;
}

/** The whole network, every layer, every tensor. */
export interface GradientPairs {
  readonly scopes: readonly Scope<GradientScope>[];
  /** The end of a caption that says what was left out; empty where nothing was. */
  readonly leftOut: string;
}

/**
 * Inner products and opposing signs of the gradients of every two tasks, over the whole, layers and tensors. A tensor
 * whose gradient is rounding only in a task is left out for that task, so that its cosines are undefined.
 */
export function gradientPairs(tasks: readonly TaskGradient[]): GradientPairs {
  const n = tasks.length;
  const names = networkOrder([...new Set(tasks.flatMap(({ gradients }) => [...gradients.tensors.keys()]))]);
  const noise = tasks.map(({ gradients }) => roundingNoise(gradients.tensors));
  const sums = new ScopeSums<GradientScope>(names, (n * (n - 1)) / 2, () => ({
    pairs: new PairSums(n),
    compared: new Float64Array(n * n),
    opposed: new Float64Array(n * n),
  }));
  for (const name of names) {
    const own = tasks.map(({ gradients }, at) =>
      noise[at]?.has(name) === true ? undefined : gradients.tensors.get(name),
    );
    const gram = new Float64Array(n * n);
    const compared = new Float64Array(n * n);
    const opposed = new Float64Array(n * n);
    for (const [i, a] of own.entries()) {
      for (const [j, b] of own.entries()) {
        if (j < i || a === undefined || b === undefined) continue;
        const found = compare(a, b);
        for (const at of [i * n + j, j * n + i]) {
          gram[at] = found.dot;
          compared[at] = found.compared;
          opposed[at] = found.opposed;
        }
      }
    }
    sums.add(name, (scope) => {
      scope.pairs.add(
        gram,
        own.map((values) => values !== undefined),
      );
      addTo(scope.compared, compared);
      addTo(scope.opposed, opposed);
    });
  }
  return { scopes: sums.list(), leftOut: sums.leftOut };
}

function compare(a: Float32Array, b: Float32Array): { dot: number; compared: number; opposed: number } {
  let [dot, compared, opposed] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const product = (a[i] ?? 0) * (b[i] ?? 0);
    dot += product;
    if (product !== 0) compared++;
    if (product < 0) opposed++;
  }
  return { dot, compared, opposed };
}

function addTo(sums: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + (values[i] ?? 0);
}
