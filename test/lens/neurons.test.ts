import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readActivations } from '../../src/graph/network';
import { openStudyNetwork } from '../../src/graph/study-network';
import { neuronSites } from '../../src/lens/activations/neuron-sets';
import { neurons } from '../../src/lens/neurons';
import { got } from '../graph/got';
import { cell, networkStudy, only, run } from './run';
import { slowPasses } from './slow-passes';

test('the neurons of a layer are what its GELU gives, counted where they are above 0', async () => {
  const study = await networkStudy(['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 5, seed: 0 }));
  const [task = null] = study.tasks;
  const samples = got(await network.samplesOf(task));
  const sites = neuronSites(network);
  assert.deepEqual(
    sites.map(({ layer }) => layer),
    [0, 1, 2, 3, 4, 5].map((layer) => `vit.encoder.layer.${layer}`),
  );
  // GELU(x) > 0 exactly where x > 0: counted before the activation.
  const signal = new AbortController().signal;
  const weights = got(await network.weightsOf(task, signal));
  const value = '/dense_1/Add_output_0';
  const counts = new Float64Array(128);
  got(
    await readActivations(
      network.network,
      { values: [value], weights, samples, count: 5, signal },
      (batch) => {
        const data = batch.get(value)?.data ?? new Float32Array();
        for (let at = 0; at < data.length; at++)
          if (Number(data[at]) > 0) counts[at % 128] = (counts[at % 128] ?? 0) + 1;
        return true;
      },
    ),
  );
  const order = [...counts.keys()].sort((x, y) => (counts[y] ?? 0) - (counts[x] ?? 0) || x - y);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const wanted: number[] = [];
  for (let sum = 0; sum < 0.5 * total; sum += counts[wanted.at(-1) ?? 0] ?? 0)
    wanted.push(order[wanted.length] ?? 0);
  const ran = await run(neurons, study, { samples: 5, k: 0.5 }, slowPasses(), 2 ** 28);
  const row = only(ran.table('layers'), { model: 'rot90', layer: 'vit.encoder.layer.0' });
  assert.deepEqual(
    row['indices'],
    wanted.sort((x, y) => x - y),
  );
  assert.ok(Math.abs(Number(row['active']) - total / 128 / (5 * 17)) < 1e-12);
});

test('base and fine-tune are compared on the same samples, in all layers and in each', async () => {
  const ran = await run(neurons, await networkStudy(['rot90']), { samples: 8 }, slowPasses(), 2 ** 28);
  assert.equal(cell(ran.matrix('overlap'), 'rot90', 'rot90'), 1);
  const each = [0, 1, 2, 3, 4, 5].map((at) =>
    cell(ran.matrix(`overlap:${String(at)}`), 'rot90', 'base on rot90'),
  );
  const mean = each.reduce<number>((sum, value) => sum + (value ?? 0) / 6, 0);
  assert.ok(Math.abs((cell(ran.matrix('overlap'), 'rot90', 'base on rot90') ?? 0) - mean) < 1e-12);
});
