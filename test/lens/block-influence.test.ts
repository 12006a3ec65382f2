import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeanCosine } from '../../src/lens/activations/mean-cosine';
import { blockInfluence } from '../../src/lens/block-influence';
import { convolutionalStudy, networkStudy, run, WITH_ZOO } from './run';

test('the mean of cosines is that of the definition, and vectors without a direction are counted apart', () => {
  const mean = new MeanCosine();
  mean.add([1, 0, 3, 4, 0, 0, 1, Infinity], [0, 2, 6, 8, 1, 1, 1, 1], 2);
  assert.equal(mean.value, 0.5);
  assert.equal(mean.skipped, 2);
  assert.ok(Math.abs((mean.standardError ?? 0) - 0.5) < 1e-15);
  assert.equal(new MeanCosine().value, null);
});

test('every layer of base and tasks has scores of attention, MLP and block, and a place in the order', async () => {
  const ran = await run(blockInfluence, await networkStudy(['rot90'], ['rot90', 'invert']), {
    samples: 20,
  });
  const rows = ran.table('layers');
  assert.deepEqual(Object.keys(rows[0] ?? {}).slice(0, 4), ['layer', 'attention', 'mlp', 'block']);
  assert.equal(rows.length, 12);
  for (const { attention, mlp, block } of rows) {
    for (const score of [attention, mlp, block]) assert.ok(Number(score) > 0 && Number(score) < 2);
  }
  const order = rows.slice(0, 6).toSorted((x, y) => Number(x['block']) - Number(y['block']));
  assert.deepEqual(
    order.map((row) => row['drop_order']),
    [1, 2, 3, 4, 5, 6],
  );
  assert.equal(ran.matrix('blocks').columns.length, 2);
});

test(
  'of a convolutional network the modules are compared that keep their channels, pixel by pixel',
  WITH_ZOO,
  async () => {
    const opened = await convolutionalStudy();
    const ran = await run(blockInfluence, opened, { samples: 6 });
    // A norm scales every channel of a pixel and shifts it; a convolution changes their number.
    assert.deepEqual(
      ran.table('layers').map(({ layer }) => layer),
      ['bn1', 'bn2', 'bn3'],
    );
    // Scale, shift, running mean and variance of each channel.
    const [first] = ran.table('layers');
    const channels = opened.base?.tensors.find(({ name }) => name === 'bn1.weight')?.span.shape[0];
    assert.equal(first?.['parameters'], 4 * (channels ?? NaN));
    const advice = ran.artifacts.find(({ id }) => id === 'advice');
    assert.match(advice?.kind === 'note' ? advice.text : '', /leaving out gains nothing/);
  },
);
