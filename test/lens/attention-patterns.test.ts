import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { attentionSites } from '../../src/graph/attention-sites';
import { openStudyNetwork } from '../../src/graph/study-network';
import { attentionFigures, meanRowCosine } from '../../src/lens/activations/attention-figures';
import { attentionPatterns, shareGroups } from '../../src/lens/attention-patterns';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { got } from '../graph/got';
import { networkStudy, run, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

function near(actual: number | undefined, wanted: number): void {
  assert.ok(Math.abs((actual ?? NaN) - wanted) < 1e-9, `${String(actual)} is not ${String(wanted)}`);
}

test('a causal head that looks back one token has no entropy, a span near 1, and a window of 1', () => {
  const weights = Float64Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0);
  const found = attentionFigures(weights, 3, 3, 0.95);
  near(found?.entropy, 0);
  near(found?.keys, 1);
  near(found?.distance, 2 / 3);
  near(found?.window, 2 / 3);
  near(found?.self, 1 / 3);
});

test('a head that looks everywhere alike has all entropy, and needs the window that holds the share', () => {
  const weights = new Float64Array(16).fill(0.25);
  const found = attentionFigures(weights, 4, 4, 0.75);
  near(found?.entropy, 1);
  near(found?.keys, 4);
  near(found?.sink, 0.25);
  near(found?.distance, (6 + 4 + 4 + 6) / 16);
  near(found?.window, (2 + 1 + 1 + 2) / 4);
});

test('queries that see nothing are left out, and one query at the end of a cache stands at its end', () => {
  assert.equal(attentionFigures(new Float64Array(4), 2, 2, 0.9), null);
  near(attentionFigures(Float64Array.of(0, 0, 1), 1, 3, 0.9)?.distance, 0);
  near(attentionFigures(Float64Array.of(1, 0, 0), 1, 3, 0.9)?.window, 2);
});

test('rows are compared one by one', () => {
  near(meanRowCosine(Float64Array.of(1, 0, 3, 4), Float64Array.of(0, 1, 6, 8), 2) ?? NaN, 0.5);
  assert.equal(meanRowCosine(Float64Array.of(0, 0), Float64Array.of(1, 0), 2), null);
});

test('inner layers share with the first of their run, and neither the first nor the last layer shares', () => {
  const alike = Array.from({ length: 25 }, () => 1);
  assert.deepEqual(shareGroups({ alike }, 5, 0.9), [[1, 2, 3]]);
  alike[1 * 5 + 2] = 0.5;
  assert.deepEqual(shareGroups({ alike }, 5, 0.9), [[2, 3]]);
});

test('every head of every layer is found, and a layer attends like itself', async () => {
  const ran = await run(
    attentionPatterns,
    await networkStudy(['rot90']),
    { samples: 6 },
    slowPasses(),
    2 ** 28,
  );
  const rows = ran.table('heads');
  assert.equal(rows.length, 2 * 6 * 4);
  for (const { entropy, sink, self, distance, window } of rows) {
    assert.ok(Number(entropy) > 0 && Number(entropy) <= 1);
    assert.ok(Number(sink) >= 0 && Number(self) >= 0 && Number(sink) + Number(self) <= 1 + 1e-6);
    assert.ok(Number(distance) >= 0 && Number(window) <= 17);
  }
  const alike = unpackNumbers(ran.matrix('layers_alike:rot90').values);
  for (let i = 0; i < 6; i++) near(alike[i * 7] ?? undefined, 1);
});

test(
  'grouped queries, rotary positions and a mask hide no attention, and nothing looks ahead',
  WITH_ZOO,
  async () => {
    const opened = await openStudy({
      name: 'text',
      base: path.join(ZOO, 'charlm/base'),
      tasks: [],
      graph: path.join(ZOO, 'charlm/onnx/base.onnx'),
      data: [{ name: 'kjv', path: path.join(ZOO, 'charlm/data/kjv.npz') }],
    });
    assert.ok(opened.ok);
    const network = got(await openStudyNetwork(opened.value, { samples: 1, seed: 0 }));
    const sites = attentionSites(network.network.map);
    assert.deepEqual(
      sites.map(({ layer }) => layer),
      [0, 1, 2, 3].map((layer) => `model.layers.${layer}`),
    );
    assert.ok(sites.every(({ keys, queries }) => keys !== null && queries !== null));
    const ran = await run(attentionPatterns, opened.value, { samples: 2 }, slowPasses(), 2 ** 28);
    assert.equal(ran.table('heads').length, 16);
    // Of 64 positions a causal head sees 32.5 on average.
    for (const { keys, distance } of ran.table('heads'))
      assert.ok(Number(keys) <= 32.5 && Number(distance) <= 31.5);
  },
);
