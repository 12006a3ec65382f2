import assert from 'node:assert/strict';
import { test } from 'node:test';
import { medianOfLaw, noiseEdge } from '../../src/lens/marchenko-pastur';
import { powerLaw } from '../../src/lens/power-law';
import { cumulativeEnergy, livingRanks, spectralFigures } from '../../src/lens/spectral-figures';
import { singularValues } from '../../src/tensor/linear/svd';
import { seeded } from '../tensor/oracle';
import { agree } from './run';

test('k equal singular values have rank k in every sense', () => {
  for (const scale of [1, 1e-180, 1e150]) {
    const figures = spectralFigures(Float64Array.from([scale, scale, scale, scale, 0, 0]));
    agree(figures.stable_rank, 4, 'stable rank');
    agree(figures.effective_rank, 4, 'effective rank');
    agree(figures.effective_rank_energy, 4, 'effective rank of the energy');
    assert.deepEqual([figures.rank90, figures.rank95, figures.rank99], [4, 4, 4]);
    agree(figures.top_share, 1 / 4, 'share of the first');
    agree(figures.norm / scale, 2, 'norm');
  }
});

test('the rank for a share is reached with the value that reaches it', () => {
  // Energies 80, 10, 5, 4, 1 of 100.
  const figures = spectralFigures(Float64Array.from([80, 10, 5, 4, 1], Math.sqrt));
  assert.deepEqual([figures.rank90, figures.rank95, figures.rank99], [2, 3, 4]);
  const shares = cumulativeEnergy(Float64Array.from([80, 10, 5], Math.sqrt), 100);
  for (const [index, share] of [0.8, 0.9, 0.95].entries()) agree(shares[index], share, String(index));
});

test('effective rank is the exponential of the entropy, written out', () => {
  const values = [3, 2, 0.5, 0.1, 0];
  const total = values.reduce((sum, value) => sum + value, 0);
  let entropy = 0;
  for (const value of values) if (value > 0) entropy -= (value / total) * Math.log(value / total);
  agree(spectralFigures(Float64Array.from(values)).effective_rank, Math.exp(entropy), 'effective rank');
});

test('a rank lives while its singular value is above a millionth of the largest', () => {
  assert.equal(livingRanks(Float64Array.from([2, 1, 3e-6, 1e-6, 0])), 3);
  assert.equal(livingRanks(Float64Array.from([0, 0])), 0);
});

/** Singular values whose squares stand at the quantiles of a power law of that exponent, above 1. */
function paretoValues(alpha: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) =>
    Math.sqrt(((index + 0.5) / count) ** (-1 / (alpha - 1))),
  );
}

test('finds the exponent of a power law', () => {
  for (const alpha of [1.5, 2.5, 4]) {
    const found = powerLaw(paretoValues(alpha, 2000));
    assert.ok(found);
    assert.ok(Math.abs(found.alpha - alpha) < 0.05 * alpha, `${String(found.alpha)} is not ${String(alpha)}`);
    assert.ok(found.distance < 0.01);
  }
});

test('finds where the tail begins', () => {
  // A power law above 1, and 500 values below it that do not follow.
  const below = Array.from({ length: 500 }, (_, index) => 0.9 + (0.1 * (500 - index)) / 501);
  const found = powerLaw(Float64Array.from([...paretoValues(3, 400), ...below]));
  assert.ok(found && Math.abs(found.tail - 400) < 40, `a tail of ${String(found?.tail)}`);
});

test('refuses an exponent under fifty values, and where all are the same', () => {
  assert.equal(powerLaw(paretoValues(3, 49)), null);
  assert.notEqual(powerLaw(paretoValues(3, 50)), null);
  assert.equal(powerLaw(new Float64Array(100).fill(2)), null);
  assert.equal(powerLaw(Float64Array.from([...paretoValues(3, 20), ...new Float64Array(80)])), null);
});

test('the exponent agrees with the estimator written out', () => {
  const values = Float64Array.from({ length: 70 }, (_, index) => 5 / (index + 1) + 0.01 * ((index * 7) % 5));
  values.sort().reverse();
  const lambdas = Array.from(values, (value) => value * value);
  let best = { alpha: NaN, distance: Infinity };
  for (let tail = 50; tail <= 70; tail++) {
    const least = lambdas[tail - 1] as number;
    const own = lambdas.slice(0, tail).reverse();
    const alpha = 1 + tail / own.reduce((sum, value) => sum + Math.log(value / least), 0);
    const distance = Math.max(
      ...own.flatMap((value, index) => {
        const model = 1 - (value / least) ** (1 - alpha);
        return [Math.abs(model - index / tail), Math.abs(model - (index + 1) / tail)];
      }),
    );
    if (distance < best.distance) best = { alpha, distance };
  }
  const found = powerLaw(values);
  agree(found?.alpha, best.alpha, 'alpha');
  agree(found?.distance, best.distance, 'distance');
});

/** Entries of mean 0 and variance 1, by Box and Muller. */
function gaussian(count: number, seed: number): Float64Array {
  const random = seeded(seed);
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

test('of noise with two strong directions two singular values are above the edge', () => {
  const [rows, columns] = [90, 60];
  const values = gaussian(rows * columns, 3).map((value) => value * 0.1);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      values[at] = (values[at] ?? 0) + 0.05 * Math.cos(i) * Math.cos(j) + 0.04 * Math.sin(i) * Math.sin(j);
    }
  }
  const strong = values.map((value, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    return value + 0.3 * Math.cos(i) * Math.cos(j) + 0.3 * Math.sin(i) * Math.sin(j);
  });
  const found = noiseEdge(singularValues({ rows, columns, values: strong }).values, rows, columns);
  assert.ok(found);
  assert.equal(found.above, 2);
  assert.ok(Math.abs(found.noise - 0.1) < 0.01, `a noise level of ${String(found.noise)}`);
});

test('the median of the Marchenko–Pastur law has half of the mass below it', () => {
  for (const ratio of [0.1, 0.5, 1]) {
    const [low, high] = [(1 - Math.sqrt(ratio)) ** 2, (1 + Math.sqrt(ratio)) ** 2];
    // Mass up to x, by the midpoint rule in √λ, where the density of the square case stays finite.
    const mass = (end: number) => {
      const steps = 40_000;
      const [from, to] = [Math.sqrt(low), Math.sqrt(end)];
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const root = from + ((step + 0.5) * (to - from)) / steps;
        const lambda = root * root;
        sum += Math.sqrt(Math.max(0, (high - lambda) * (lambda - low))) / (Math.PI * ratio * root);
      }
      return (sum * (to - from)) / steps;
    };
    assert.ok(Math.abs(mass(high) - 1) < 1e-5);
    assert.ok(Math.abs(mass(medianOfLaw(ratio)) - 0.5) < 1e-5, String(ratio));
  }
});

test('there is no noise edge for a product of few ranks, nor for few values', () => {
  assert.equal(noiseEdge(new Float64Array(16).fill(1), 400, 400), null);
  assert.equal(
    noiseEdge(
      Float64Array.from({ length: 100 }, (_, k) => (k < 16 ? 1 : 0)),
      100,
      200,
    ),
    null,
  );
  assert.equal(noiseEdge(new Float64Array(40).fill(1), 40, 200), null);
});
