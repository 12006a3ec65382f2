import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  coveringUnits,
  gini,
  intersectionOverUnion,
  largestUnits,
  randomOverlap,
} from '../../src/lens/activations/unit-sets';
import { ChannelSums, salientChannels } from '../../src/lens/salient-channels';
import { cell, networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

test('the largest units are taken, of equals the earlier, and few cover what is concentrated', () => {
  assert.deepEqual(largestUnits([1, 5, 5, 2], 2), [1, 2]);
  assert.deepEqual(largestUnits([1, 1, 1], 2), [0, 1]);
  assert.deepEqual(coveringUnits([1, 8, 0, 1], 0.8), [1]);
  assert.deepEqual(coveringUnits([1, 8, 0, 1], 0.85), [0, 1]);
  assert.deepEqual(coveringUnits([0, 0], 0.9), []);
});

test('the Gini coefficient is the mean difference over twice the mean', () => {
  const values = [3, 1, 4, 1, 5];
  let differences = 0;
  for (const x of values) for (const y of values) differences += Math.abs(x - y);
  assert.ok(Math.abs((gini(values) ?? 0) - differences / (2 * 5 * 14)) < 1e-12);
  assert.equal(gini([2, 2, 2]), 0);
  assert.equal(gini([0, 0]), null);
});

test('overlap is over what is in either set', () => {
  assert.equal(intersectionOverUnion([1, 2, 3], [2, 3, 4]), 0.5);
  assert.equal(intersectionOverUnion([], []), null);
  assert.equal(randomOverlap(10, 10, 10), 1);
  assert.ok(Math.abs((randomOverlap(8, 8, 64) ?? 0) - 1 / 15) < 1e-12);
});

test('class by class a rare class counts as much as a frequent one', () => {
  const rows = { samples: 3, tokens: 1, rows: 3, columns: 2, values: Float64Array.of(1, 0, 1, 0, 0, 4) };
  const [all, each] = [new ChannelSums(), new ChannelSums()];
  all.add(rows, null);
  each.add(rows, Float64Array.of(0, 0, 1));
  assert.deepEqual([...all.saliency()], [Math.sqrt(2 / 3), Math.sqrt(16 / 3)]);
  assert.deepEqual([...each.saliency()], [0.5, 2]);
});

test('an eighth of the channels is selected in every layer, and a model has all of its own in common with itself', async () => {
  const study = await networkStudy(['rot90']);
  const ran = await run(salientChannels, study, { samples: 20 }, slowPasses(), 2 ** 28);
  for (const { channels, selected, gini: inequality, energy, adapter } of ran.table('layers')) {
    assert.deepEqual([channels, selected, adapter], [64, 8, 64]);
    assert.ok(Number(inequality) > 0 && Number(inequality) < 1);
    assert.ok(Number(energy) >= 1 / 8);
  }
  assert.equal(cell(ran.matrix('overlap'), 'rot90', 'rot90'), 1);
  assert.equal(ran.matrix('channels:rot90').columns.length, 64);
});
