import assert from 'node:assert/strict';
import test from 'node:test';
import { centred, linearCka } from '../../../src/lens/activations/linear-cka';
import { MinibatchCka } from '../../../src/lens/activations/minibatch-cka';
import type { Dense } from '../../../src/tensor/linear/dense';
import { seeded } from '../../tensor/oracle';

function random(rows: number, columns: number, seed: number): Dense {
  const next = seeded(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => next() - 0.3) };
}

function part({ columns, values }: Dense, first: number, rows: number): Dense {
  return { rows, columns, values: values.slice(first * columns, (first + rows) * columns) };
}

/** HSIC₁ by matrices without diagonals: (tr(KL) + 1ᵀK1·1ᵀL1/((n−1)(n−2)) − 2/(n−2)·1ᵀKL1) / (n(n−3)). */
function slowHsic(x: Dense, y: Dense): number {
  const n = x.rows;
  const gram = ({ columns, values }: Dense) =>
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (__, j) => {
        let sum = 0;
        for (let k = 0; k < columns; k++)
          sum += (values[i * columns + k] ?? 0) * (values[j * columns + k] ?? 0);
        return i === j ? 0 : sum;
      }),
    );
  const [k, l] = [gram(x), gram(y)];
  const total = (m: number[][]) => m.flat().reduce((sum, value) => sum + value, 0);
  let [trace, between] = [0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      trace += (k[i]?.[j] ?? 0) * (l[j]?.[i] ?? 0);
      for (let m = 0; m < n; m++) between += (k[i]?.[j] ?? 0) * (l[j]?.[m] ?? 0);
    }
  }
  return (trace + (total(k) * total(l)) / ((n - 1) * (n - 2)) - (2 * between) / (n - 2)) / (n * (n - 3));
}

test('minibatch CKA adds the unbiased HSICs up before it divides, whole minibatches only', () => {
  const [x, y] = [random(27, 5, 1), random(27, 9, 2)];
  x.values.forEach((value, at) => (y.values[at] = (y.values[at] ?? 0) + value));
  const cka = new MinibatchCka(8);
  cka.add([[x], [y]]);
  assert.equal(cka.batches, 3, 'the last three samples make no whole one');
  const means = (a: Dense, b: Dense) =>
    [0, 8, 16].reduce((sum, first) => sum + slowHsic(part(a, first, 8), part(b, first, 8)) / 3, 0);
  const wanted = means(x, y) / (Math.sqrt(means(x, x)) * Math.sqrt(means(y, y)));
  assert.ok(Math.abs((cka.value([0, 0], [1, 0]) ?? NaN) - wanted) < 1e-10);
});

test('one minibatch of all samples gives the debiased CKA, and parts may come one by one', () => {
  const [x, y] = [random(24, 6, 3), random(24, 40, 4)];
  const whole = new MinibatchCka(24);
  whole.add([[x, y]]);
  const { debiased } = linearCka(centred(x), centred(y));
  assert.ok(Math.abs((whole.value([0, 0], [0, 1]) ?? NaN) - (debiased ?? NaN)) < 1e-10);
  const [once, parted] = [new MinibatchCka(6), new MinibatchCka(6)];
  once.add([[x, y], [y]]);
  for (const first of [0, 12]) parted.add([[part(x, first, 12), part(y, first, 12)], [part(y, first, 12)]]);
  for (const [a, b] of [
    [
      [0, 0],
      [0, 1],
    ],
    [
      [0, 1],
      [0, 0],
    ],
    [
      [0, 0],
      [1, 0],
    ],
  ] as const) {
    assert.ok(Math.abs((once.value(a, b) ?? NaN) - (parted.value(a, b) ?? NaN)) < 1e-12);
  }
});

test('a layer is like itself in minibatches, and a constant one like none', () => {
  const x = random(20, 7, 5);
  const constant = { rows: 20, columns: 2, values: new Float64Array(40).fill(0.3) };
  const cka = new MinibatchCka(5);
  cka.add([[x, constant]]);
  assert.ok(Math.abs((cka.value([0, 0], [0, 0]) ?? 0) - 1) < 1e-12);
  assert.equal(cka.value([0, 0], [0, 1]), null);
});

test('the mean over minibatches is about the debiased CKA of all, whatever their size; the plain one is not', () => {
  const shared = random(600, 4, 6);
  const noisy = (seed: number) => {
    const noise = random(600, 60, seed);
    noise.values.forEach((_, at) => {
      const [row, column] = [Math.floor(at / 60), at % 60];
      if (column < 4) noise.values[at] = 2 * (shared.values[row * 4 + column] ?? 0);
    });
    return noise;
  };
  const [x, y] = [noisy(7), noisy(8)];
  const all = linearCka(centred(x), centred(y)).debiased ?? NaN;
  for (const batch of [10, 50]) {
    const cka = new MinibatchCka(batch);
    cka.add([[x], [y]]);
    assert.ok(Math.abs((cka.value([0, 0], [1, 0]) ?? NaN) - all) < 0.05, `batches of ${String(batch)}`);
    const plain = linearCka(centred(part(x, 0, batch)), centred(part(y, 0, batch))).plain ?? NaN;
    assert.ok(plain - all > 0.05);
  }
});
