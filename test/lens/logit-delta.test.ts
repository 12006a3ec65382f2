import assert from 'node:assert/strict';
import { test } from 'node:test';
import { centredShift, logSoftmax, ShiftSums } from '../../src/lens/activations/logit-shift';
import { logitDelta } from '../../src/lens/logit-delta';
import { cell, networkStudy, only, run } from './run';
import { slowPasses } from './slow-passes';

const ROOM = 2 ** 28;

test('divergence, agreement and fusion are those of their definitions', () => {
  const sums = new ShiftSums(2, [0, 1, 2]);
  sums.add(Float64Array.of(0, 0), Float64Array.of(Math.log(3), 0), 0);
  const { divergence, change, size, fused } = sums.figures();
  assert.ok(Math.abs(divergence - (0.75 * Math.log(1.5) + 0.25 * Math.log(0.5))) < 1e-12);
  assert.ok(Math.abs((change[0] ?? 0) - 0.25) < 1e-12);
  assert.ok(Math.abs(size - Math.log(3) / 2) < 1e-12);
  [1 / 2, 3 / 4, 9 / 10].forEach((p, at) =>
    assert.ok(Math.abs((fused[at]?.loss ?? 0) + Math.log(p)) < 1e-12),
  );
});

test('a shift of all classes is none, and large logits overflow nothing', () => {
  assert.deepEqual([...centredShift(Float64Array.of(1, 2, 3), Float64Array.of(6, 7, 8), 3)], [0, 0, 0]);
  assert.deepEqual(
    [...logSoftmax(Float64Array.of(1000, 1000))].map((x) => x.toFixed(6)),
    ['-0.693147', '-0.693147'],
  );
});

test('a fine-tune answers its digits otherwise than the base, and better', async () => {
  const ran = await run(
    logitDelta,
    await networkStudy(['rot90', 'invert']),
    { samples: 60 },
    slowPasses(),
    ROOM,
  );
  const row = only(ran.table('tasks'), { task: 'rot90' });
  // On 400 test images the base reads 9.8 % and the fine-tune 98 %.
  assert.ok(Number(row['base_accuracy']) < 0.3 && Number(row['accuracy']) > 0.9);
  assert.ok(Number(row['agreement']) < 0.4 && Number(row['divergence']) > 1);
  const matrix = ran.matrix('cosines');
  assert.ok(Math.abs((cell(matrix, 'rot90', 'rot90') ?? 0) - 1) < 1e-12);
  assert.ok(Math.abs(cell(matrix, 'rot90', 'invert') ?? 1) < 0.99);
});

test('a fine-tune equal to the base has no shift, and so no cosine', async () => {
  const ran = await run(
    logitDelta,
    await networkStudy(['base'], ['rot90']),
    { samples: 8 },
    slowPasses(),
    ROOM,
  );
  const [row] = ran.table('tasks');
  assert.deepEqual([row?.['divergence'], row?.['agreement'], row?.['size']], [0, 1, 0]);
  assert.equal(cell(ran.matrix('cosines'), 'base', 'base'), null);
});

test('an output that is no output of the graph is refused', async () => {
  const output = await logitDelta.run(
    await networkStudy(['rot90']),
    { output: 'nothing' },
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: ROOM,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'graph-output-missing');
});
