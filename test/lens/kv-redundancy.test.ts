import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { cachePlans, divisorsBelow } from '../../src/lens/cache-plans';
import { kvRedundancy } from '../../src/lens/kv-redundancy';
import { temporaryFolder } from '../model/write-safetensors';
import { agree, cell, only, run, study } from './run';
import { norm, slowDecomposition, times, turned, type Rows } from './slow-heads';
import { randomLayers, writeTransformer, type Layer } from './small-transformer';

const SIZES = { layers: 3, heads: 4, keyValueHeads: 4, headSize: 2, hidden: 16 };
const LAYERS = randomLayers(SIZES, 50);

function written(layers: readonly Layer[] = LAYERS, config = {}): string {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), SIZES, layers, config);
  return root;
}

function folded({ key, gain }: Layer): Rows {
  return key.map((row) => row.map((value, j) => value * (gain[j] ?? NaN)));
}

/** What is lost by replacing `shared` neighbouring heads by their mean. */
function slowResidual(rows: Rows, size: number, shared: number): number {
  let lost = 0;
  for (let first = 0; first < rows.length; first += shared * size) {
    for (let i = 0; i < size; i++) {
      const same = Array.from({ length: shared }, (_, h) => rows[first + h * size + i] ?? []);
      const mean = (same[0] ?? []).map(
        (_, j) => same.reduce((sum, row) => sum + (row[j] ?? NaN), 0) / shared,
      );
      for (const row of same) lost += row.reduce((sum, value, j) => sum + (value - (mean[j] ?? NaN)) ** 2, 0);
    }
  }
  return lost / norm(rows) ** 2;
}

test('pooling, ranks and overlaps are those of the formed matrices', async () => {
  const ran = await run(kvRedundancy, await study(written(), 'base', []), { energy: 0.8 });
  const spaces = LAYERS.map((layer) => {
    const { values, right } = slowDecomposition(folded(layer));
    const total = values.reduce((sum, value) => sum + value ** 2, 0);
    let [rank, energy] = [0, 0];
    while (energy < 0.8 * total) energy += (values[rank++] ?? NaN) ** 2;
    return right.slice(0, rank);
  });
  LAYERS.forEach((layer, index) => {
    const name = `model.layers.${String(index)}`;
    for (const [groups, shared] of [
      [2, 2],
      [1, 4],
    ] as const) {
      const row = only(ran.table('pooling'), { layer: name, projection: 'key', key_value_heads: groups });
      agree(row['residual'], slowResidual(folded(layer), 2, shared), 'residual');
      assert.ok(Number(row['aligned_residual']) <= Number(row['residual']));
    }
    assert.equal(only(ran.table('layers'), { layer: name })['key_rank'], spaces[index]?.length);
    spaces.forEach((space, other) => {
      const own = spaces[index] ?? [];
      const expected = norm(times(own, turned(space))) ** 2 / Math.min(own.length, space.length);
      const label = (at: number) => `layer ${String(at)}`;
      agree(cell(ran.matrix('key overlap:base'), label(index), label(other)), expected, 'overlap');
    });
  });
});

test('the latent size is the rank of keys and values one below the other', async () => {
  const ran = await run(kvRedundancy, await study(written(), 'base', []), { energy: 0.8, fold_gain: false });
  LAYERS.forEach(({ key, value }, index) => {
    const { values } = slowDecomposition([...key, ...value]);
    const total = values.reduce((sum, each) => sum + each ** 2, 0);
    let [rank, energy] = [0, 0];
    while (energy < 0.8 * total) energy += (values[rank++] ?? NaN) ** 2;
    const row = only(ran.table('layers'), { layer: `model.layers.${String(index)}` });
    assert.equal(row['latent'], rank);
    agree(row['latent_share'], rank / 16, 'share');
  });
});

test('heads that are the same have redundancy 1, and so have values that differ by a rotation', async () => {
  const layers = structuredClone(LAYERS);
  const [first] = layers;
  assert.ok(first);
  for (let head = 1; head < 4; head++) first.key.splice(2 * head, 2, ...first.key.slice(0, 2));
  const [x = [], y = []] = first.value;
  for (let head = 1; head < 4; head++) {
    const [c, s] = [Math.cos(head), Math.sin(head)];
    first.value[2 * head] = x.map((value, j) => c * value + s * (y[j] ?? NaN));
    first.value[2 * head + 1] = x.map((value, j) => c * (y[j] ?? NaN) - s * value);
  }
  const ran = await run(kvRedundancy, await study(written(layers), 'base', []));
  const matrix = ran.matrix('redundancy:base');
  agree(cell(matrix, 'layer 0', 'Keys'), 1, 'keys');
  assert.ok(Number(cell(matrix, 'layer 0', 'Values')) < 0.9);
  // The checkpoint holds float32.
  assert.ok(Math.abs(Number(cell(matrix, 'layer 0', 'Values, aligned')) - 1) < 1e-6);
});

test('keys are turned inside rotary planes, freely without rotary positions, and not at all where positions are unknown', async () => {
  const lost = async (config: Readonly<Record<string, unknown>>) => {
    const ran = await run(kvRedundancy, await study(written(LAYERS, config), 'base', []));
    const row = only(ran.table('pooling'), {
      layer: 'model.layers.0',
      projection: 'key',
      key_value_heads: 1,
    });
    return row['aligned_residual'];
  };
  const planes = Number(await lost({}));
  const freely = Number(await lost({ model_type: 'gpt2', rope_theta: undefined }));
  assert.ok(freely <= planes + 1e-9);
  assert.equal(await lost({ model_type: 'unheard of', rope_theta: undefined }), null);
});

test('the cache is that of the formula, with every plan beside it', async () => {
  const given = { tokens: 100, bytes: 2 };
  const rows = (await run(kvRedundancy, await study(written(), 'base', []), given)).table('cache');
  const now = only(rows, { plan: 'as it is' });
  assert.equal(now['bytes_per_token'], 2 * 3 * 4 * 2 * 2);
  assert.equal(now['bytes_total'], 2 * 3 * 4 * 2 * 2 * 100);
  const single = only(rows, { plan: 'one key-value head (MQA)' });
  assert.equal(single['bytes_total'], (2 * 3 * 4 * 2 * 2 * 100) / 4);
  assert.equal(single['saved'], Number(now['bytes_total']) - Number(single['bytes_total']));
  // Of three layers the first two share, and the third keeps its own.
  assert.equal(only(rows, { plan: 'two layers share (CLA2)' })['bytes_total'], 2 * 2 * 4 * 2 * 2 * 100);
  assert.deepEqual(divisorsBelow(12), [6, 4, 3, 2, 1]);
  assert.deepEqual(cachePlans([], null)[0], { plan: 'as it is', entriesPerToken: 0, share: 1 });
});

test('a task is compared with the base: identical where training left keys and values alone', async () => {
  const root = written();
  const changed = structuredClone(LAYERS);
  const row = changed[1]?.key[0] ?? [];
  row[0] = Math.fround((row[0] ?? NaN) + 1);
  writeTransformer(path.join(root, 'task'), SIZES, changed);
  const ran = await run(kvRedundancy, await study(root, 'base', ['task']), { fold_gain: false });
  const rows = ran.table('compatibility');
  assert.deepEqual(
    rows.map((each) => [each['layer'], each['identical']]),
    [
      ['model.layers.0', true],
      ['model.layers.1', false],
      ['model.layers.2', true],
    ],
  );
  const difference = ((row[0] ?? NaN) - (LAYERS[1]?.key[0]?.[0] ?? NaN)) / norm(LAYERS[1]?.key ?? []);
  agree(rows[1]?.['key_difference'], Math.abs(difference), 'difference');
});

test('one key-value head leaves nothing to pool, which is no redundancy of 0', async () => {
  const sizes = { ...SIZES, keyValueHeads: 1 };
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), sizes, randomLayers(sizes, 51));
  const ran = await run(kvRedundancy, await study(root, 'base', []));
  for (const row of ran.table('layers')) assert.equal(row['key_redundancy'], null);
  assert.deepEqual(ran.table('pooling'), []);
  assert.equal(ran.matrix('redundancy:base').domain, null);
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /one key-value head a layer already/);
});
