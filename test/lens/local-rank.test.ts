import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readActivations } from '../../src/graph/network';
import { openStudyNetwork } from '../../src/graph/study-network';
import { numbersOf, tensorValue } from '../../src/graph/tensor-value';
import { streamPlaces } from '../../src/lens/activations/layer-features';
import { LocalJacobians } from '../../src/lens/activations/local-jacobian';
import { numericalRank } from '../../src/lens/activations/numerical-rank';
import { pooled } from '../../src/lens/activations/pooling';
import { localRank } from '../../src/lens/local-rank';
import { success } from '../../src/protocol/result';
import { got } from '../graph/got';
import { networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

const NEVER = new AbortController().signal;

test('the rank counts singular values above the threshold, and equal ones make the effective rank whole', () => {
  const diagonal = (...values: number[]) => ({
    rows: values.length,
    columns: values.length,
    values: Float64Array.from(values.flatMap((value, i) => values.map((_, j) => (i === j ? value : 0)))),
  });
  const rank = numericalRank(diagonal(3, 3, 3, 0), 0.01);
  assert.equal(rank?.rank, 3);
  assert.ok(Math.abs(rank.effective - 3) < 1e-9);
  assert.equal(numericalRank(diagonal(1, 0.1, 0.001), 0.01)?.rank, 2);
  assert.equal(numericalRank(diagonal(0, 0), 0.01), null);
});

test('a Jacobian is what differences of two runs give', async () => {
  const study = await networkStudy(['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 2, seed: 0 }));
  const [task = null] = study.tasks;
  const samples = got(await network.samplesOf(task));
  const weights = got(await network.weightsOf(task, NEVER));
  const value = streamPlaces(network)[2]?.value ?? '';
  const jacobians = new LocalJacobians(network, {
    values: [value],
    source: 'pixel_values',
    pool: 'mean',
    probes: 64,
  });
  const { matrix, whole } = got(await jacobians.at(value, { weights, samples, index: 1 }));
  await jacobians.release();
  assert.ok(whole);
  assert.deepEqual([matrix.rows, matrix.columns], [64, 256]);
  const mixed = new LocalJacobians(network, {
    values: [value],
    source: 'pixel_values',
    pool: 'cls',
    probes: 3,
  });
  const few = got(await mixed.at(value, { weights, samples, index: 0 }));
  await mixed.release();
  assert.deepEqual([few.matrix.rows, few.whole, few.features], [3, false, 64]);
  const input = got(await samples.feeds(1, 1)).get('pixel_values');
  assert.ok(input);
  const featuresAt = async (pixel: number, by: number): Promise<Float64Array> => {
    const moved = numbersOf(input);
    moved[pixel] = (moved[pixel] ?? 0) + by;
    const feeds = new Map([['pixel_values', tensorValue('float32', input.shape, moved)]]);
    const one = { ...samples, count: 1, feeds: () => Promise.resolve(success(feeds)) };
    let features: Float64Array = new Float64Array();
    got(
      await readActivations(
        network.network,
        { values: [value], weights, samples: one, count: 1, signal: NEVER },
        (batch) => {
          const found = batch.get(value);
          const rows = found ? pooled(numbersOf(found), found.shape, 'mean') : null;
          features = rows?.values ?? features;
          return true;
        },
      ),
    );
    return features;
  };
  for (const pixel of [37, 200]) {
    const [up, down] = [await featuresAt(pixel, 0.01), await featuresAt(pixel, -0.01)];
    up.forEach((high, feature) => {
      const slope = (high - (down[feature] ?? 0)) / 0.02;
      const own = matrix.values[feature * 256 + pixel] ?? 0;
      assert.ok(Math.abs(slope - own) < 1e-3, `${String(slope)} is not ${String(own)}`);
    });
  }
});

test('every layer has a rank of at most its features, of base and fine-tune', async () => {
  const study = await networkStudy(['rot90']);
  const ran = await run(localRank, study, { samples: 1 }, slowPasses(), 2 ** 28);
  const rows = ran.table('layers');
  assert.equal(rows.length, 12);
  for (const { rank, effective_rank, features, lower_bound } of rows) {
    assert.ok(Number(rank) >= 1 && Number(rank) <= 64);
    assert.ok(Number(effective_rank) >= 1 && Number(effective_rank) <= 64);
    assert.deepEqual([features, lower_bound], [64, false]);
  }
});
