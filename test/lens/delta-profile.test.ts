import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { deltaProfile } from '../../src/lens/delta-profile';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import {
  agreeWithLora,
  agreeWithTaskVectors,
  type LoraReference,
  type TaskVectorReference,
} from './reference';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO, type Row } from './run';
import { slowPasses } from './slow-passes';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

test('agrees with the reference task vectors of the samples', async () => {
  const reference = readJson<TaskVectorReference>(FIXTURES, 'vit-digits-taskvectors.json');
  agreeWithTaskVectors(await run(deltaProfile, await study(VIT, 'base', reference.tasks)), reference);
});

test('agrees with the reference norms of the sample adapters', async () => {
  const reference = readJson<LoraReference>(FIXTURES, 'charlm-lora.json');
  agreeWithLora(await run(deltaProfile, await study(CHARLM, 'base', ['lora/json-r8'])), 'json-r8', reference);
});

for (const network of ['vit-digits', 'cnn-digits']) {
  test(`agrees with all reference task vectors of ${network}`, WITH_ZOO, async () => {
    const reference = readJson<TaskVectorReference>(ZOO, 'reference', network, 'taskvectors.json');
    agreeWithTaskVectors(
      await run(deltaProfile, await study(path.join(ZOO, network), 'base', reference.tasks)),
      reference,
    );
  });
}

test('agrees with the reference norms of every adapter', WITH_ZOO, async () => {
  const reference = readJson<LoraReference>(ZOO, 'reference/charlm/lora.json');
  const folder = path.join(ZOO, 'charlm');
  const ran = await run(
    deltaProfile,
    await study(
      folder,
      'base',
      reference.adapters.map((name) => `lora/${name}`),
    ),
  );
  for (const adapter of Object.keys(reference.spectra)) agreeWithLora(ran, adapter, reference);
});

test('has the columns that command line consumers rely on', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const table = ran.artifacts.find((each) => each.kind === 'table' && each.id === 'tensors');
  assert.ok(table?.kind === 'table');
  assert.deepEqual(
    table.columns.filter(({ hidden }) => !hidden).map(({ name }) => name),
    [
      'tensor', 'task', 'layer', 'module', 'shape', 'dtype', 'count', 'norm_base', 'norm', 'relative', 'cosine',
      'max_abs', 'identical_share', 'sign_flip_share',
    ],
  ); // prettier-ignore
  const row = only(ran.table('tensors'), { tensor: 'vit.encoder.layer.3.intermediate.dense.weight' });
  assert.deepEqual(
    [row['layer'], row['module'], row['shape'], row['dtype'], row['count']],
    ['vit.encoder.layer.3', 'mlp.up', '128x64', 'F32', 8192],
  );
});

test('a frozen tensor has norm 0, cosine 1, and is identical throughout', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const row = only(ran.table('tensors'), { tensor: 'classifier.weight' });
  assert.deepEqual(
    [
      row['norm'],
      row['relative'],
      row['cosine'],
      row['max_abs'],
      row['identical_share'],
      row['sign_flip_share'],
    ],
    [0, 0, 1, 0, 1, 0],
  );
});

test('a cell takes its tensors as one vector', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const parts = ran
    .table('tensors')
    .filter((row) => row['layer'] === 'vit.encoder.layer.2' && row['module'] === 'attention.query');
  assert.equal(parts.length, 2);
  const norm = Math.hypot(...parts.map((row) => row['norm'] as number));
  const base = Math.hypot(...parts.map((row) => row['norm_base'] as number));
  agree(cell(ran.matrix('norm:rot90'), 'layer 2', 'attention.query'), norm, 'norm');
  agree(cell(ran.matrix('relative:rot90'), 'layer 2', 'attention.query'), norm / base, 'relative');
  const counts = parts.map((row) => row['count'] as number);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const flips = parts.reduce(
    (sum, row, index) => sum + (row['sign_flip_share'] as number) * (counts[index] ?? 0),
    0,
  );
  agree(cell(ran.matrix('sign_flip_share:rot90'), 'layer 2', 'attention.query'), flips / total, 'sign flips');
});

test('rows run from input through the layers to output, columns as a layer computes', async () => {
  const ran = await run(deltaProfile, await study(CHARLM, 'base', ['json']));
  const matrix = ran.matrix('relative:json');
  assert.deepEqual(
    matrix.rows.map(({ label }) => label),
    ['input', 'layer 0', 'layer 1', 'layer 2', 'layer 3', 'output'],
  );
  assert.deepEqual(
    matrix.rows.map(({ layer }) => layer),
    ['input', ...[0, 1, 2, 3].map((layer) => `model.layers.${String(layer)}`), 'output'],
  );
  assert.deepEqual(
    matrix.columns.map(({ module }) => module),
    [
      'embedding.token', 'norm.attention', 'attention.query', 'attention.key', 'attention.value', 'attention.output',
      'norm.mlp', 'mlp.gate', 'mlp.up', 'mlp.down', 'norm.final',
    ],
  ); // prettier-ignore
});

test('one colour range for all tasks of a metric', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90', 'invert']));
  const [one, other] = [ran.matrix('relative:rot90'), ran.matrix('relative:invert')];
  assert.deepEqual(one.domain, other.domain);
  const most = Math.max(
    ...[one, other].flatMap(({ values }) => unpackNumbers(values).map((value) => value ?? 0)),
  );
  assert.deepEqual(one.domain, [0, most]);
});

test('an adapter lists only the tensors that it targets, and other cells are undefined', async () => {
  const ran = await run(deltaProfile, await study(CHARLM, 'base', ['json', 'lora/json-r8']));
  assert.equal(ran.table('tensors').filter((row) => row['task'] === 'json-r8').length, 28);
  assert.equal(cell(ran.matrix('norm:json-r8'), 'layer 1', 'norm.mlp'), null);
  assert.notEqual(cell(ran.matrix('norm:json'), 'layer 1', 'norm.mlp'), null);
  assert.equal(cell(ran.matrix('max_abs:json-r8'), 'layer 1', 'mlp.up'), null);
  assert.equal(ran.matrix('max_abs:json-r8').domain?.[0], 0);
});

test('looks at every element of an adapter when asked to', async () => {
  const opened = await study(CHARLM, 'base', ['lora/python-rslora-r16']);
  const [quick, thorough] = [
    await run(deltaProfile, opened),
    await run(deltaProfile, opened, { elementwise: true }),
  ];
  const tensor = 'model.layers.2.mlp.down_proj.weight';
  const [a, b] = [quick, thorough].map((ran) => only(ran.table('tensors'), { tensor }));
  assert.deepEqual([a?.['max_abs'], a?.['identical_share']], [null, null]);
  assert.ok((b?.['max_abs'] as number) > 0);
  assert.equal(b?.['identical_share'], 0);
  agree(a?.['norm'], b?.['norm'] as number, 'norm');
});

test('a merged adapter and the adapter itself have the same profile', async () => {
  const folder = temporaryFolder();
  const base = [1, -2, 3, 0.5, -0.25, 4];
  const [a, b] = [
    [1, 2, -1, 0.5, -1, 2],
    [2, -1, 1, 3],
  ]; // A: 2 × 3, B: 2 × 2, r = 2
  const product = [0, 1].flatMap((row) =>
    [0, 1, 2].map(
      (column) => 2 * ((b[row * 2] ?? 0) * (a[column] ?? 0) + (b[row * 2 + 1] ?? 0) * (a[3 + column] ?? 0)),
    ),
  );
  const name = 'model.layers.0.self_attn.q_proj';
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${name}.weight`]: { shape: [2, 3], values: base },
  });
  writeSafetensors(path.join(folder, 'merged/model.safetensors'), {
    [`${name}.weight`]: { shape: [2, 3], values: base.map((value, index) => value + (product[index] ?? 0)) },
  });
  writeAdapter(
    path.join(folder, 'adapter'),
    { r: 2, lora_alpha: 4 },
    {
      [`base_model.model.${name}.lora_A.weight`]: { shape: [2, 3], values: a },
      [`base_model.model.${name}.lora_B.weight`]: { shape: [2, 2], values: b },
    },
  );
  const ran = await run(deltaProfile, await study(folder, 'base', ['merged', 'adapter']), {
    elementwise: true,
  });
  const figures = ({ task: _task, factored: _factored, ...rest }: Row) => rest;
  const [merged, adapter] = ran.table('tensors').map(figures);
  assert.deepEqual(adapter, merged);
  agree(adapter?.['norm'], Math.hypot(...product), 'norm');
});

test('the energy shares of a task add up to 1', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const shares = ran.table('energy').map((row) => row['energy_share'] as number);
  agree(
    shares.reduce((sum, share) => sum + share, 0),
    1,
    'sum',
  );
});

test('tells which tensors did not change', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const note = ran.artifacts.find(({ id }) => id === 'changed');
  assert.ok(note?.kind === 'note');
  assert.match(
    note.text,
    /^rot90: 102 of 104 tensors changed; unchanged: classifier\.bias, classifier\.weight\.$/,
  );
});

test('reads each batch of adapters within its memory budget, and every tensor once', async () => {
  const passes = slowPasses();
  const opened = await study(CHARLM, 'base', ['lora/json-r8', 'lora/python-rslora-r16']);
  await run(deltaProfile, opened, {}, passes);
  const spans = passes.items.flatMap((item) => (item.kind === 'group' ? [item.base.offset] : []));
  assert.equal(spans.length, 28);
  assert.equal(new Set(spans).size, 28);
});

test('says that a study without a base cannot be compared', async () => {
  const opened = await study(VIT, null, ['rot90']);
  const output = await deltaProfile.run(
    opened,
    {},
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 1,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.equal(output.problem.code, 'lens-needs-base');
});

test('refuses an adapter that is no product of two factors, and says why', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), { 'l.weight': { shape: [2, 2] } });
  writeAdapter(
    path.join(folder, 'dora'),
    { use_dora: true },
    {
      'base_model.model.l.lora_A.weight': { shape: [2, 2] },
      'base_model.model.l.lora_B.weight': { shape: [2, 2] },
      'base_model.model.l.lora_magnitude_vector': { shape: [2] },
    },
  );
  const opened = await openStudy({
    name: 's',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'dora', path: path.join(folder, 'dora') }],
  });
  assert.ok(opened.ok);
  assert.equal(opened.value.findings[0]?.code, 'adapter-kind-unsupported');
  const output = await deltaProfile.run(
    opened.value,
    {},
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 1,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.match(output.problem.message, /DoRA/);
});

test('a tensor of which no entry is finite has no figures, and what is left out is said', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    'all.weight': { shape: [2], values: [1, 2] },
    'some.weight': { shape: [2], values: [1, 2] },
  });
  writeSafetensors(path.join(folder, 'broken/model.safetensors'), {
    'all.weight': { shape: [2], values: [NaN, Infinity] },
    'some.weight': { shape: [2], values: [NaN, 5] },
  });
  const ran = await run(deltaProfile, await study(folder, 'base', ['broken']));
  const [all, some] = ['all.weight', 'some.weight'].map((name) =>
    only(ran.table('tensors'), { tensor: name }),
  );
  agree(all?.['norm_base'], Math.sqrt(5), 'norm of the base');
  for (const figure of ['norm', 'relative', 'cosine', 'max_abs', 'identical_share', 'sign_flip_share']) {
    assert.equal(all?.[figure], null, figure);
  }
  agree(some?.['norm'], 3, 'norm of what is finite');
  assert.deepEqual(
    ran.findings.map(({ code, message }) => [code, /\d of \d entries of \S+/.exec(message)?.[0]]),
    [
      ['task-tensor-not-finite', '2 of 2 entries of all.weight'],
      ['task-tensor-not-finite', '1 of 2 entries of some.weight'],
    ],
  );
});
