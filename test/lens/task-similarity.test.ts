import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { taskSimilarity } from '../../src/lens/task-similarity';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import {
  agreeAmongAdapters,
  agreeWithCosines,
  agreeWithFullFineTune,
  type LoraReference,
  type TaskVectorReference,
} from './reference';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';
import { product, readValues, slowPasses } from './slow-passes';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

test('agrees with the reference cosines of the samples', async () => {
  const reference = readJson<TaskVectorReference>(FIXTURES, 'vit-digits-taskvectors.json');
  agreeWithCosines(await run(taskSimilarity, await study(VIT, 'base', reference.tasks)), reference);
});

test('agrees with the reference cosines of the sample adapters, among them and with a fine-tune', async () => {
  const reference = readJson<LoraReference>(FIXTURES, 'charlm-lora.json');
  const adapters = reference.adapters.map((name) => `lora/${name}`);
  agreeAmongAdapters(await run(taskSimilarity, await study(CHARLM, 'base', adapters)), reference);
  const mixed = await run(taskSimilarity, await study(CHARLM, 'base', ['json', 'lora/json-r8']));
  agreeWithFullFineTune(mixed, 'json-r8', 'json', reference);
});

for (const network of ['vit-digits', 'cnn-digits']) {
  test(`agrees with all reference cosines of ${network}`, WITH_ZOO, async () => {
    const reference = readJson<TaskVectorReference>(ZOO, 'reference', network, 'taskvectors.json');
    agreeWithCosines(
      await run(taskSimilarity, await study(path.join(ZOO, network), 'base', reference.tasks)),
      reference,
    );
  });
}

test('agrees with the reference cosines of every adapter', WITH_ZOO, async () => {
  const reference = readJson<LoraReference>(ZOO, 'reference/charlm/lora.json');
  const folder = path.join(ZOO, 'charlm');
  const adapters = reference.adapters.map((name) => `lora/${name}`);
  agreeAmongAdapters(await run(taskSimilarity, await study(folder, 'base', adapters)), reference);
  for (const adapter of Object.keys(reference.spectra)) {
    const fineTune = adapter.split('-')[0] ?? '';
    const mixed = await run(taskSimilarity, await study(folder, 'base', [fineTune, `lora/${adapter}`]));
    agreeWithFullFineTune(mixed, adapter, fineTune, reference);
  }
});

test('adapters alone are compared without reading the base, or having one', async () => {
  const adapters = ['lora/json-r8', 'lora/python-rslora-r16'];
  const passes = slowPasses();
  const withBase = await run(taskSimilarity, await study(CHARLM, 'base', adapters), {}, passes);
  assert.equal(passes.items.length, 0);
  const alone = await run(taskSimilarity, await study(CHARLM, null, adapters));
  assert.deepEqual(alone.table('pairs'), withBase.table('pairs'));
});

test('the matrix is symmetric, with 1 on its diagonal', async () => {
  const matrix = (await run(taskSimilarity, await study(VIT, 'base', ['rot90', 'invert', 'vflip']))).matrix(
    'all',
  );
  const values = unpackNumbers(matrix.values);
  for (let i = 0; i < 3; i++) {
    assert.equal(values[i * 3 + i], 1);
    for (let j = 0; j < 3; j++) assert.equal(values[i * 3 + j], values[j * 3 + i]);
  }
  assert.deepEqual([matrix.scale, matrix.domain], ['diverging', [-1, 1]]);
});

test('has a matrix for the whole, each layer and each module, told apart by the facet scope', async () => {
  const ran = await run(taskSimilarity, await study(VIT, 'base', ['rot90', 'invert']));
  const scopes = ran.artifacts.flatMap((each) => (each.kind === 'matrix' ? [each.facets?.['scope']] : []));
  const layers = [0, 1, 2, 3, 4, 5].map((layer) => `vit.encoder.layer.${String(layer)}`);
  const modules = [
    'embedding.patch', 'embedding.class', 'embedding.position', 'norm.attention', 'attention.query', 'attention.key',
    'attention.value', 'attention.output', 'norm.mlp', 'mlp.up', 'mlp.down', 'norm.final', 'head',
  ]; // prettier-ignore
  assert.deepEqual(scopes, ['all', ...layers, '(other)', ...modules]);
});

test('an unchanged tensor has no direction', async () => {
  const ran = await run(taskSimilarity, await study(VIT, 'base', ['rot90', 'invert']));
  const row = only(ran.table('pairs'), { scope: 'classifier.weight' });
  assert.deepEqual([row['cosine'], row['dot']], [null, 0]);
});

test('a pair counts only the tensors that both tasks have', async () => {
  const folder = temporaryFolder();
  const write = (name: string, a: number[], b: number[] | null) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'a.weight': { shape: [2], values: a },
      ...(b ? { 'b.weight': { shape: [2], values: b } } : {}),
    });
  write('base', [0, 0], [0, 0]);
  write('x', [1, 0], [5, 5]);
  write('y', [1, 1], null);
  const ran = await run(taskSimilarity, await study(folder, 'base', ['x', 'y']));
  agree(cell(ran.matrix('all'), 'x', 'y'), Math.SQRT1_2, 'cosine');
  const row = only(ran.table('pairs'), { scope: 'b.weight' });
  assert.deepEqual([row['cosine'], row['dot']], [null, null]);
});

test('a fine-tune that is an adapter merged into its base points where the adapter points', async () => {
  const tensor = 'model.layers.0.self_attn.q_proj.weight';
  const opened = await study(CHARLM, 'base', ['lora/json-r8']);
  const base = opened.base?.tensors.find(({ name }) => name === tensor);
  const delta = opened.tasks[0]?.deltas.get(tensor);
  assert.ok(base && delta?.kind === 'lowRank');
  const factors = await delta.load();
  assert.ok(factors.ok);
  const before = readValues(base.span);
  const values = product(factors.value).map((value, index) => value + (before[index] ?? 0));
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'model.safetensors'), { [tensor]: { shape: base.span.shape, values } });
  const tasks = [
    { name: 'merged', path: folder },
    { name: 'adapter', path: path.join(CHARLM, 'lora/json-r8') },
  ];
  const both = await openStudy({ name: 's', base: path.join(CHARLM, 'base'), tasks });
  assert.ok(both.ok);
  const row = only((await run(taskSimilarity, both.value)).table('pairs'), { scope: tensor });
  // The merged values were rounded to float32, so the cosine is 1 only that well.
  assert.ok((row['cosine'] as number) > 1 - 1e-9);
});

test('the dendrogram joins the fine-tune and the adapter of the same task first', async () => {
  const ran = await run(taskSimilarity, await study(CHARLM, 'base', ['json', 'arith', 'lora/json-r8']));
  const tree = ran.artifacts.find((each) => each.kind === 'tree' && each.facets?.['scope'] === 'all');
  assert.ok(tree?.kind === 'tree');
  assert.deepEqual([tree.merges[0]?.left, tree.merges[0]?.right], [0, 2]);
  assert.deepEqual(ran.matrix('all').orders?.[0]?.rows, tree.order);
});

test('a tensor of which no entry is finite is undefined in a pair, not unchanged', async () => {
  const folder = temporaryFolder();
  const write = (name: string, values: readonly number[]) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'a.weight': { shape: [2], values },
      'b.weight': { shape: [2], values: [3, 4] },
    });
  write('base', [0, 0]);
  writeSafetensors(path.join(folder, 'sound', 'model.safetensors'), {
    'a.weight': { shape: [2], values: [1, 1] },
    'b.weight': { shape: [2], values: [4, 4] },
  });
  writeSafetensors(path.join(folder, 'broken', 'model.safetensors'), {
    'a.weight': { shape: [2], values: [NaN, NaN] },
    'b.weight': { shape: [2], values: [5, 4] },
  });
  const ran = await run(taskSimilarity, await study(folder, 'base', ['sound', 'broken']));
  const figures = ran.table('pairs').map((row) => [row['scope'], row['cosine'], row['dot']]);
  assert.deepEqual(figures, [
    ['all', 1, 2],
    ['(other)', 1, 2],
    ['a.weight', null, null],
    ['b.weight', 1, 2],
  ]);
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite'],
  );
});

test('a module over all layers is one vector', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert']);
  const ran = await run(taskSimilarity, opened);
  const names = opened.base?.tensors.filter(({ name }) => /intermediate\.dense/.test(name)) ?? [];
  assert.equal(names.length, 12);
  const [x, y] = opened.tasks.map(({ checkpoint }) =>
    names.flatMap((base) => {
      const own = checkpoint.tensors.find(({ name }) => name === base.name);
      const before = readValues(base.span);
      return readValues(own?.span ?? base.span).map((value, at) => value - (before[at] ?? NaN));
    }),
  );
  const inner = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? NaN), 0);
  assert.ok(x && y);
  const row = only(ran.table('modules'), { module: 'mlp.up', a: 'rot90', b: 'invert' });
  agree(row['cosine'], inner(x, y) / Math.sqrt(inner(x, x) * inner(y, y)), 'mlp.up');
  agree(cell(ran.matrix('mlp.up'), 'rot90', 'invert'), row['cosine'] as number, 'matrix');
});

test('maps the tasks into a plane, coloured by group, and states the stress', async () => {
  const ran = await run(taskSimilarity, await study(CHARLM, 'base', ['json', 'arith', 'lora/json-r8']));
  const map = ran.artifacts.find(({ id }) => id === 'map:all');
  assert.ok(map?.kind === 'scatter');
  assert.match(map.caption ?? '', /Stress \d/);
  assert.deepEqual(map.groups, [0, 1, 0]);
  const [x, y] = [unpackNumbers(map.x.values), unpackNumbers(map.y.values)];
  const between = (i: number, j: number) => Math.hypot((x[i] ?? 0) - (x[j] ?? 0), (y[i] ?? 0) - (y[j] ?? 0));
  // Three points always fit into a plane where the triangle inequality holds, as it does here.
  for (const [i, a, j, b] of [
    [0, 'json', 1, 'arith'],
    [0, 'json', 2, 'json-r8'],
    [1, 'arith', 2, 'json-r8'],
  ] as const) {
    agree(between(i, j), 1 - (cell(ran.matrix('all'), a, b) ?? NaN), `${a} ${b}`);
  }
});

test('cuts the dendrogram into as many groups as asked for', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert', 'vflip']);
  const groups = (await run(taskSimilarity, opened, { groups: 2 })).table('groups');
  assert.equal(new Set(groups.map((row) => row['group'])).size, 2);
  assert.deepEqual(
    (await run(taskSimilarity, opened, { groups: 3 })).table('groups').map((row) => row['group']),
    [0, 1, 2],
  );
});

test('says in words which tasks pull against each other, and where', async () => {
  const folder = temporaryFolder();
  const write = (name: string, attention: number, mlp: number) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'model.layers.5.self_attn.q_proj.weight': { shape: [2], values: [attention, attention] },
      'model.layers.5.mlp.up_proj.weight': { shape: [2], values: [mlp, 1] },
    });
  write('base', 0, 1);
  write('x', 1, 2);
  write('y', 1, 0);
  write('z', 2, 1);
  const ran = await run(taskSimilarity, await study(folder, 'base', ['x', 'y', 'z']));
  const advice = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(advice?.kind === 'note');
  assert.equal(advice.role, 'recommendation');
  assert.match(advice.text, /^x and y pull against each other in layer 5 MLP \(cosine -1\)/);
  assert.match(advice.text, /\nLimits: /);
  const agreeing = await run(taskSimilarity, await study(folder, 'base', ['x', 'z']));
  const other = agreeing.artifacts.find(({ id }) => id === 'advice');
  assert.match(other?.kind === 'note' ? other.text : '', /^No two tasks have a cosine below -0\.1/);
});

test('many tasks keep the result small: fewer layers, no single tensors, and the caption says so', async () => {
  const folder = temporaryFolder();
  const tensors = (value: number) =>
    Object.fromEntries(
      Array.from({ length: 30 }, (_, layer) => [
        `model.layers.${String(layer)}.mlp.up_proj.weight`,
        { shape: [2], values: [value % 7, value % 5] },
      ]),
    );
  writeSafetensors(path.join(folder, 'base/model.safetensors'), tensors(0));
  const names = Array.from({ length: 120 }, (_, task) => `t${String(task)}`);
  names.forEach((name, task) => {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), tensors(task + 1));
  });
  const ran = await run(taskSimilarity, await study(folder, 'base', names));
  const scopes = new Set(ran.table('pairs').map((row) => row['scope']));
  assert.deepEqual([...scopes], ['all']);
  const table = ran.artifacts.find(({ id }) => id === 'pairs');
  assert.match(table?.caption ?? '', /too many pairs to list layers and tensors/);
});
