import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SplitMix64 } from '../../src/tensor/split-mix';
import { normal } from '../../src/lens/activations/second-view';
import { featureCorrelations, zipMatching } from '../../src/lens/activations/zip-matching';
import { featureMatching } from '../../src/lens/feature-matching';
import type { Dense } from '../../src/tensor/linear/dense';
import { networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

const OPTIONS = { alpha: 0.3, beta: 0.125 };

function noise(rows: number, columns: number, seed: number): Dense {
  const random = new SplitMix64(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => normal(random)) };
}

test('correlations are those of columns without their mean, and a constant has none', () => {
  const x = { rows: 3, columns: 2, values: Float64Array.of(1, 5, 2, 5, 3, 5) };
  const y = { rows: 3, columns: 2, values: Float64Array.of(-1, 0, -2, 1, -3, 0) };
  const found = [...featureCorrelations(x, y).values].map((value) => Math.round(1e9 * value) / 1e9 + 0);
  assert.deepEqual(found, [1, 0, -1, 0, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 1]);
});

test('features that have changed places are found again', () => {
  const x = noise(50, 4, 1);
  const order = [2, 0, 3, 1];
  const y = {
    ...x,
    values: x.values.map((_, at) => 3 * (x.values[at - (at % 4) + (order[at % 4] ?? 0)] ?? 0) + 1),
  };
  const { groups, both } = zipMatching(featureCorrelations(x, y), OPTIONS);
  assert.equal(both, 4);
  for (const [a = 0, b = 0] of groups) assert.equal(order[b - 4], a);
});

/** The released rules, one matrix at a time, without any bookkeeping. */
function slowMatching(correlations: Dense, alpha: number, beta: number): number[][] {
  let similar = Array.from({ length: correlations.rows }, (_, i) =>
    Array.from({ length: correlations.rows }, (_, j) =>
      i === j ? -Infinity : (correlations.values[i * correlations.rows + j] ?? 0),
    ),
  );
  const d = correlations.rows / 2;
  let groups = similar.map((_, i) => [i]);
  let model = similar.map((_, i) => Number(i >= d));
  const budget = [0, 1].map(() => Math.trunc(Math.trunc(d / 2) * beta + 1e-4));
  while (groups.length > d) {
    let [row, column] = [0, 1];
    similar.forEach((own, i) =>
      own.forEach((value, j) => {
        if (value > (similar[row]?.[column] ?? 0)) [row, column] = [i, j];
      }),
    );
    if (column < row) [row, column] = [column, row];
    const one = similar.map((own) => Math.min(own[row] ?? 0, own[column] ?? 0) * alpha);
    const same = model[row] === model[column];
    similar.forEach((own, i) => (own[row] = one[i] ?? 0));
    similar[row] = similar.map((own, j) => (j === row ? -Infinity : (own[row] ?? 0)));
    groups[row] = [...(groups[row] ?? []), ...(groups[column] ?? [])];
    const keep = (_: unknown, k: number) => k !== column;
    similar = similar.filter(keep).map((own) => own.filter(keep));
    groups = groups.filter(keep);
    model = model.filter(keep);
    const side = model[row] ?? 0;
    if (!same) continue;
    budget[side] = (budget[side] ?? 0) - 1;
    if ((budget[side] ?? 0) <= 0)
      similar = similar.map((own, i) =>
        own.map((value, j) => (model[i] === side && model[j] === side ? -Infinity : value)),
      );
  }
  return groups.map((group) => group.sort((x, y) => x - y));
}

test('matching follows the rules of the authors, joins and budgets included', () => {
  for (const seed of [3, 4, 5]) {
    const x = noise(12, 10, seed);
    const correlations = featureCorrelations(x, noise(12, 10, seed + 10));
    for (const [alpha, beta] of [
      [0.3, 0.125],
      [1, 1],
      [0.5, 0.6],
    ] as const) {
      const { groups } = zipMatching(correlations, { alpha, beta });
      assert.deepEqual(
        groups.map((group) => [...group].sort((a, b) => a - b)),
        slowMatching(correlations, alpha, beta),
      );
    }
  }
});

test('a fine-tune equal to the base matches itself in every layer, feature by feature', async () => {
  const ran = await run(
    featureMatching,
    await networkStudy(['base'], ['rot90']),
    { samples: 30, pool: 'tokens' },
    slowPasses(),
    2 ** 28,
  );
  for (const { matched, same_index, both, features } of ran.table('layers')) {
    assert.deepEqual([both, features], [64, 64]);
    assert.ok(Math.abs(Number(matched) - 1) < 1e-6 && Math.abs(Number(same_index) - 1) < 1e-6);
  }
});
