import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { keySpectrum, rankAt, Scatter, varianceWithin } from '../../src/lens/activations/key-spectra';
import { keyRank } from '../../src/lens/key-rank';
import { openStudy } from '../../src/model/open-study';
import { networkStudy, run, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

function spectrum(vectors: readonly (readonly number[])[]) {
  const scatter = new Scatter(vectors[0]?.length ?? 0);
  scatter.add(Float64Array.from(vectors.flat()), 0, vectors.length, scatter.size, 1);
  const found = keySpectrum(scatter.covariance());
  assert.ok(found);
  return found;
}

test('the covariance is that of vectors without their mean, whichever way they are stored', () => {
  const scatter = new Scatter(2);
  // Two vectors (1, 5) and (3, 9), entry after entry.
  scatter.add(Float64Array.of(1, 3, 5, 9), 0, 2, 1, 2);
  assert.deepEqual([...scatter.covariance().values], [1, 2, 2, 4]);
});

test('vectors on a line need one dimension, and those of another line are not held by it', () => {
  const line = spectrum([
    [1, 0, 0],
    [2, 0, 0],
    [4, 0, 0],
  ]);
  const other = spectrum([
    [0, 1, 0],
    [0, 2, 0],
    [0, 5, 0],
  ]);
  assert.equal(rankAt(line, 0.99), 1);
  assert.ok(Math.abs(varianceWithin(line, line, 1) - 1) < 1e-12);
  assert.ok(Math.abs(varianceWithin(other, line, 1)) < 1e-12);
  const scatter = new Scatter(2);
  scatter.add(Float64Array.of(1, 1, 1, 1), 0, 2, 2, 1);
  assert.equal(keySpectrum(scatter.covariance()), null);
});

test('of a network without rotary positions the keys are shown once, head by head', async () => {
  const ran = await run(keyRank, await networkStudy(['rot90']), { samples: 12 }, slowPasses(), 2 ** 28);
  const rows = ran.table('heads');
  assert.equal(rows.length, 2 * 6 * 4);
  for (const { size, rank, rank99, transfer, model } of rows) {
    assert.equal(size, 16);
    assert.ok(Number(rank) >= 1 && Number(rank) <= Number(rank99) && Number(rank99) <= 16);
    assert.equal(transfer === null, model === 'base');
    assert.ok(transfer === null || (Number(transfer) > 0 && Number(transfer) <= 1 + 1e-9));
  }
});

test('rotary positions raise the rank of keys, and heads that share keys count once', WITH_ZOO, async () => {
  const opened = await openStudy({
    name: 'text',
    base: path.join(ZOO, 'charlm/base'),
    tasks: [],
    graph: path.join(ZOO, 'charlm/onnx/base.onnx'),
    data: [{ name: 'kjv', path: path.join(ZOO, 'charlm/data/kjv.npz') }],
  });
  assert.ok(opened.ok);
  const rows = (await run(keyRank, opened.value, { samples: 8 }, slowPasses(), 2 ** 28)).table('heads');
  const of = (keys: string) => rows.filter((row) => row['keys'] === keys).map(({ rank }) => Number(rank));
  const [after, before] = [of('with positions'), of('before positions')];
  assert.deepEqual([after.length, before.length], [8, 8]);
  const sum = (ranks: readonly number[]) => ranks.reduce((total, rank) => total + rank, 0);
  assert.ok(sum(after) > sum(before), `${String(after)} against ${String(before)}`);
});
