import assert from 'node:assert/strict';
import test from 'node:test';
import { dissimilarities, ranksOf, similarityOfGeometry } from '../../../src/lens/activations/dissimilarity';
import { RowSample } from '../../../src/lens/activations/row-sample';
import type { Dense } from '../../../src/tensor/linear/dense';
import { seeded } from '../../tensor/oracle';

function random(rows: number, columns: number, seed: number): Dense {
  const next = seeded(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => next() - 0.3) };
}

function slowCorrelation(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(x), mean(y)];
  let [both, left, right] = [0, 0, 0];
  x.forEach((value, at) => {
    const other = y[at] ?? NaN;
    both += (value - a) * (other - b);
    left += (value - a) ** 2;
    right += (other - b) ** 2;
  });
  return both / Math.sqrt(left * right);
}

function slowDissimilarities({ rows, columns, values }: Dense): number[] {
  const row = (at: number) => [...values.subarray(at * columns, (at + 1) * columns)];
  const found: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = i + 1; j < rows; j++) found.push(1 - slowCorrelation(row(i), row(j)));
  }
  return found;
}

/** 1 + how many are smaller, and half of those that are the same. */
function slowRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const smaller = values.filter((other) => other < value).length;
    const same = values.filter((other) => other === value).length;
    return smaller + (same + 1) / 2;
  });
}

test('RSA is the correlation of dissimilarities 1 − r over all pairs of samples, as numbers and as ranks', () => {
  const [x, y] = [random(15, 7, 1), random(15, 30, 2)];
  y.values.forEach((value, at) => (y.values[at] = value + (x.values[at % x.values.length] ?? 0)));
  const { spearman, pearson } = similarityOfGeometry(dissimilarities(x), dissimilarities(y));
  const [a, b] = [slowDissimilarities(x), slowDissimilarities(y)];
  assert.ok(Math.abs((pearson ?? NaN) - slowCorrelation(a, b)) < 1e-12);
  assert.ok(Math.abs((spearman ?? NaN) - slowCorrelation(slowRanks(a), slowRanks(b))) < 1e-12);
});

test('a layer has the geometry of itself, each sample scaled and shifted or not', () => {
  const x = random(12, 5, 3);
  const moved = { ...x, values: x.values.map((value, at) => (1 + Math.floor(at / 5)) * value + 3) };
  const { spearman, pearson } = similarityOfGeometry(dissimilarities(x), dissimilarities(moved));
  assert.ok(Math.abs((spearman ?? 0) - 1) < 1e-9 && Math.abs((pearson ?? 0) - 1) < 1e-9);
});

test('ranks of ties are their mean', () => {
  assert.deepEqual([...ranksOf(Float64Array.of(3, 1, 3, 2, 3))], [4, 1, 4, 2, 4]);
});

test('samples that are all the same, and constant ones, have no geometry', () => {
  const same = { rows: 6, columns: 3, values: Float64Array.from({ length: 18 }, (_, at) => 0.1 + (at % 3)) };
  const constant = random(6, 3, 4);
  constant.values.fill(7, 0, 3);
  for (const x of [same, constant, random(2, 3, 5)]) {
    const own = dissimilarities(x);
    assert.deepEqual(similarityOfGeometry(own, own), { spearman: null, pearson: null });
  }
});

test('rows are kept evenly, the same ones however they come', () => {
  const layers = [random(1500, 2, 6), random(1500, 3, 7)];
  const [whole, parted] = [new RowSample(), new RowSample()];
  whole.add(layers, 1);
  for (let first = 0; first < 1500; first += 500) {
    const part = layers.map(({ columns, values }) => ({
      rows: 500,
      columns,
      values: values.slice(first * columns, (first + 500) * columns),
    }));
    parted.add(part, 3);
  }
  assert.equal(whole.count, 500);
  assert.deepEqual(parted.layers(), whole.layers());
  assert.equal(whole.layers()[1]?.values[3], layers[1]?.values[9], 'every third');
});
