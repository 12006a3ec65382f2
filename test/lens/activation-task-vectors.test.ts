import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activationTaskVectors, mixtureOf } from '../../src/lens/activation-task-vectors';
import { cell, networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

test('a mixture of two vectors has their shares as its weights', () => {
  const [x, y] = [Float64Array.of(1, 2, 0), Float64Array.of(0, 1, 1)];
  const { weights, explained } = mixtureOf(
    x.map((value, k) => 0.25 * value + 0.75 * (y[k] ?? 0)),
    [x, y],
  );
  assert.ok(Math.abs((weights[0] ?? 0) - 0.25) < 1e-12 && Math.abs((weights[1] ?? 0) - 0.75) < 1e-12);
  assert.ok(Math.abs((explained ?? 0) - 1) < 1e-12);
  assert.equal(mixtureOf(Float64Array.of(0, 0, 5), [Float64Array.of(1, 0, 0)]).explained, 0);
});

test('halves of a task are nearer to each other than to other tasks, and what all samples share has no cosine', async () => {
  const study = await networkStudy([], ['rot90', 'invert', 'vflip']);
  const ran = await run(
    activationTaskVectors,
    study,
    { samples: 60, position: 'cls' },
    slowPasses(),
    2 ** 28,
  );
  const layers = ran.table('layers');
  assert.deepEqual([layers[0]?.['layer'], layers[0]?.['same'], layers[0]?.['margin']], ['input', null, null]);
  for (const { same, other, margin } of layers.slice(1)) {
    assert.ok(Number(margin) > 0 && Math.abs(Number(margin) - Number(same) + Number(other)) < 1e-12);
  }
  const matrix = ran.matrix('cosines:layer 5');
  assert.equal(cell(matrix, 'rot90', 'invert'), cell(matrix, 'invert', 'rot90'));
  // With the mean of three taken off, vectors sum to 0: their cosines cannot all be above 0.
  const sum = [
    cell(matrix, 'rot90', 'invert'),
    cell(matrix, 'rot90', 'vflip'),
    cell(matrix, 'invert', 'vflip'),
  ];
  assert.ok(sum.some((value) => (value ?? 0) < 0));
});
