import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { DenseKernels, turned, type Block } from '../../../src/tensor/wasm/dense-kernels';
import { putSingles, takeSingles, turnedSingles } from '../../../src/tensor/wasm/singles';
import { seeded } from '../oracle';

assert.ok(
  fs.existsSync(path.resolve(__dirname, '../../../dist/product-thread.js')),
  'these tests need the built thread: npm run build',
);

/** Σₚ aᵢₚ bₚⱼ, one after the other. */
function slowProduct(a: Float64Array, b: Float64Array, m: number, n: number, k: number): Float64Array {
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += (a[i * k + p] ?? 0) * (b[p * n + j] ?? 0);
      product[i * n + j] = sum;
    }
  }
  return product;
}

function randomValues(count: number, seed: number): Float64Array {
  const next = seeded(seed);
  return Float64Array.from({ length: count }, () => next() - 0.5);
}

/** Largest deviation from the slow product, of `rounds` products one after the other. */
function worstOf(
  m: number,
  n: number,
  k: number,
  rounds: number,
  rough: boolean,
  byColumns: boolean,
): number {
  const a = randomValues(m * k, 1);
  const b = randomValues(k * n, 2);
  const expected = slowProduct(a, b, m, n, k);
  const worst = DenseKernels.use((kernels) => {
    const right = kernels.put(b, k, n);
    const left = byColumns ? turned(columnsOf(kernels, a, m, k)) : kernels.put(a, m, k);
    const singles = byColumns ? takeSingles(kernels, k, m) : takeSingles(kernels, m, k);
    putSingles(kernels, kernels.get(byColumns ? turned(left) : left), singles);
    const product = kernels.block(m, n);
    let most = 0;
    for (let round = 0; round < rounds; round++) {
      kernels.clear(product);
      if (rough) kernels.addRoughProduct(byColumns ? turnedSingles(singles) : singles, right, product);
      else kernels.addProduct(1, left, right, product);
      kernels
        .get(product)
        .forEach((value, at) => (most = Math.max(most, Math.abs(value - (expected[at] ?? NaN)))));
    }
    return most;
  });
  assert.ok(worst !== null);
  return worst;
}

/** The m × k matrix stored the other way round. */
function columnsOf(kernels: DenseKernels, a: Float64Array, m: number, k: number): Block {
  const block = kernels.block(k, m);
  kernels.putColumns(a, block);
  return block;
}

for (const byColumns of [false, true]) {
  const how = byColumns ? 'read by columns' : 'read by rows';
  test(`a product that two threads share is the product, every time, its left factor ${how}`, () => {
    assert.ok(worstOf(517, 130, 75, 60, false, byColumns) < 1e-12);
    assert.ok(worstOf(517, 130, 75, 60, true, byColumns) < 1e-4);
  });
}

test('products of all sizes follow each other without one touching another', () => {
  for (const m of [1, 63, 64, 65, 700]) assert.ok(worstOf(m, 96, 128, 8, false, false) < 1e-12);
});

test('kernels used within kernels are kept with their threads: no use starts another one', async () => {
  let started = 0;
  const count = () => started++;
  process.on('worker', count);
  try {
    const nested = () => DenseKernels.use(() => worstOf(300, 96, 300, 1, false, false));
    nested();
    await setImmediate();
    started = 0;
    for (let round = 0; round < 5; round++) nested();
    // Node.js tells of new threads in the next tick.
    await setImmediate();
    assert.equal(started, 0);
  } finally {
    process.off('worker', count);
  }
});
