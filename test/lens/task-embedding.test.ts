import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fisher } from '../../src/lens/fisher';
import { embeddingDistance } from '../../src/lens/gradients/fisher-embedding';
import { taskEmbedding } from '../../src/lens/task-embedding';
import { cell, networkStudy, only, run } from './run';

test('distances are the cosine of shares of the Fisher information, tensor by tensor', async () => {
  const study = await networkStudy(['rot90', 'invert', 'vflip']);
  const given = { samples: 4 };
  const ran = await run(taskEmbedding, study, given);
  const rows = (await run(fisher, study, { ...given, at: 'base' })).table('tensors');
  const vector = (task: string) =>
    rows.filter((row) => row['task'] === task && row['noise'] !== true).map((row) => Number(row['mean']));
  const [a, b] = [vector('rot90'), vector('vflip')];
  assert.equal(a.length, 98);
  const x = a.map((value, at) => value / (value + (b[at] ?? NaN)));
  const y = x.map((value) => 1 - value);
  const dot = x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);
  const wanted = 1 - dot / (Math.hypot(...x) * Math.hypot(...y));
  const { distance } = only(ran.table('pairs'), { a: 'rot90', b: 'vflip' });
  assert.ok(Math.abs(Number(distance) - wanted) < 1e-9);
  assert.equal(cell(ran.matrix('distances'), 'vflip', 'rot90'), distance);
  assert.equal(cell(ran.matrix('distances'), 'invert', 'invert'), 0);
  for (const row of ran.table('embeddings')) {
    // mean(F²) is never less than mean(F)².
    if (row['fisher'] === null) assert.match(String(row['tensor']), /key\.bias$/);
    else assert.ok(Number(row['concentration']) >= 1);
  }
});

test('tasks with the same samples are at distance 0, whatever their fine-tunes are', async () => {
  const ran = await run(taskEmbedding, await networkStudy(['rot90', 'invert'], ['clean']), { samples: 3 });
  const { distance } = only(ran.table('pairs'), { a: 'rot90', b: 'invert' });
  assert.ok(Math.abs(Number(distance)) < 1e-9);
});

test('tasks that lean on different tensors are far apart, and nothing is said without a common one', () => {
  const a = new Map([['x', 1], ['y', 1e-6]]); // prettier-ignore
  const b = new Map([['x', 1e-6], ['y', 1]]); // prettier-ignore
  assert.ok((embeddingDistance(a, b) ?? 0) > 0.999);
  assert.equal(embeddingDistance(a, new Map([['z', 1]])), null);
});
