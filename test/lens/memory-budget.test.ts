import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { memoryBudget } from '../../src/lens/memory-budget';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { only, run, SAMPLES, study } from './run';

/** A base of 4 × 6 and 6 values, and adapters of 10 values. */
async function written(adapters: number, config: object | null = null) {
  const folder = temporaryFolder();
  const module = 'model.layers.0.self_attn.q_proj';
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${module}.weight`]: { shape: [4, 6], values: [1] },
    'model.norm.weight': { shape: [6], values: [1] },
  });
  if (config) fs.writeFileSync(path.join(folder, 'base/config.json'), JSON.stringify(config));
  const names = Array.from({ length: adapters }, (_, at) => `adapter${String(at)}`);
  for (const name of names) {
    writeAdapter(path.join(folder, name), { r: 1, lora_alpha: 1 }, {
      [`base_model.model.${module}.lora_A.weight`]: { shape: [1, 6], values: [1] },
      [`base_model.model.${module}.lora_B.weight`]: { shape: [4, 1], values: [1] },
    });
  }
  return study(folder, 'base', names);
} // prettier-ignore

test('weights take their bytes in each precision, vectors stay in half precision', async () => {
  const opened = await written(1);
  const ran = await run(memoryBudget, opened);
  const base = only(ran.table('models'), { model: 'base' });
  const file = opened.base?.files[0];
  assert.ok(file);
  assert.deepEqual(
    ['parameters', 'disk', 'fp32', 'half', 'int8', 'int4'].map((name) => base[name]),
    [30, fs.statSync(file.path).size, 120, 60, 24 + 12, 12 + 12],
  );
  assert.equal(only(ran.table('models'), { model: 'adapter0' })['kind'], 'adapter');
  assert.equal(ran.bytesRead, 0);
});

test('training an adapter holds the base frozen, and states for its own values alone', async () => {
  const row = only((await run(memoryBudget, await written(1))).table('training'), { model: 'adapter0' });
  assert.deepEqual(
    ['trainable', 'frozen', 'weights', 'gradients', 'adam', 'adam_8bit', 'total'].map((name) => row[name]),
    [10, 60, 40, 40, 80, 20, 220],
  );
});

test('the cache follows grouped queries, and activations the published estimate', async () => {
  const opened = await study(path.join(SAMPLES, 'charlm'), 'base', ['lora/json-r8']);
  const ran = await run(memoryBudget, opened, { tokens: 64, batch: 3 });
  const cache = only(ran.table('cache'), { part: 'model' });
  // Keys and values of 4 layers, 2 heads of 32, 2 bytes each.
  assert.equal(cache['per_token'], 2 * 4 * 2 * 32 * 2);
  assert.equal(cache['total'], 2 * 4 * 2 * 32 * 2 * 64 * 3);
  const training = only(ran.table('training'), { model: 'json-r8' });
  assert.equal(training['activations'], 4 * (34 * 64 * 3 * 128 + 5 * 4 * 64 * 64 * 3));
});

test('without key-value heads every head has its own, of hidden size / heads', async () => {
  const config = { model_type: 'gpt2', n_layer: 3, n_head: 4, n_embd: 24 };
  const ran = await run(memoryBudget, await written(1, config), { tokens: 1 });
  assert.equal(ran.table('cache')[0]?.['per_token'], 2 * 3 * 24 * 2);
});

test('adapters beside one base are weighed against merged copies', async () => {
  const ran = await run(memoryBudget, await written(3));
  const series = ran.artifacts.find(({ id }) => id === 'serving');
  assert.ok(series?.kind === 'series');
  const at = series.x.values.indexOf(4);
  const values = series.lines.map((line) => unpackNumbers(line.values)[at]);
  assert.deepEqual(values, [60 + 4 * 20, 4 * 60]);
  const advice = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(advice?.kind === 'note');
  assert.match(advice.text, /3 adapters beside one base take 120 B, merged copies 180 B: 1\.5 times/);
  assert.match(advice.text, /cache of keys and values is unknown/);
});

test('one adapter is weighed against being merged', async () => {
  const advice = (await run(memoryBudget, await written(1))).artifacts.find(({ id }) => id === 'advice');
  assert.ok(advice?.kind === 'note');
  assert.match(advice.text, /beside its base takes 80 B, merged into it 60 B/);
});

test('a base alone is sized, and there is nothing to serve', async () => {
  const ran = await run(memoryBudget, await written(0));
  assert.deepEqual(ran.table('models').map(({ model }) => model), ['base']); // prettier-ignore
  assert.ok(!ran.artifacts.some(({ id }) => id === 'serving'));
});
