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
import { readValues, slowPasses } from './slow-passes';

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

test('refuses an adapter that changes no weight, and says why', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), { 'l.weight': { shape: [2, 2] } });
  writeAdapter(
    path.join(folder, 'prompt'),
    { peft_type: 'PROMPT_TUNING' },
    { prompt_embeddings: { shape: [4, 2] } },
  );
  const opened = await openStudy({
    name: 's',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'prompt', path: path.join(folder, 'prompt') }],
  });
  assert.ok(opened.ok);
  assert.equal(opened.value.findings[0]?.code, 'adapter-without-delta');
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
  assert.match(output.problem.message, /prompt tuning/);
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

test('counts the entries within a tolerance of the base’s own size', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert']);
  const epsilon = 0.05;
  const ran = await run(deltaProfile, opened, { epsilon });
  const { base, tasks } = opened;
  for (const tensor of ['vit.encoder.layer.3.intermediate.dense.weight', 'classifier.weight']) {
    const before = readValues(entryOf(base?.tensors, tensor).span);
    const rms = Math.sqrt(before.reduce((sum, value) => sum + value * value, 0) / before.length);
    for (const { name, checkpoint } of tasks) {
      const after = readValues(entryOf(checkpoint.tensors, tensor).span);
      const within = after.filter((value, at) => Math.abs(value - (before[at] ?? NaN)) <= epsilon * rms);
      const row = only(ran.table('tensors'), { tensor, task: name });
      agree(row['below_epsilon_share'], within.length / before.length, `${tensor} ${name}`);
    }
  }
  assert.ok((cell(ran.matrix('below_epsilon_share:rot90'), 'layer 2', 'mlp.up') ?? 0) > 0);
});

test('an adapter has entries within the tolerance only where every element is looked at', async () => {
  const opened = await study(CHARLM, 'base', ['lora/json-r8']);
  const tensor = 'model.layers.2.mlp.down_proj.weight';
  const quick = await run(deltaProfile, opened, { epsilon: 0.01 });
  assert.equal(only(quick.table('tensors'), { tensor })['below_epsilon_share'], null);
  const thorough = await run(deltaProfile, opened, { epsilon: 0.01, elementwise: true });
  const share = only(thorough.table('tensors'), { tensor })['below_epsilon_share'] as number;
  assert.ok(share > 0 && share < 1);
});

test('the energy of every layer is divided without a rest', async () => {
  const ran = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const series = ran.artifacts.find(({ id }) => id === 'energy:rot90');
  assert.ok(series?.kind === 'series');
  assert.equal(series.style, 'stacked');
  const lines = series.lines.map(({ values }) => unpackNumbers(values));
  series.x.values.forEach((layer, at) => {
    const shares = lines.map((line) => line[at] ?? null);
    if (layer === 'output') return;
    agree(
      shares.reduce<number>((sum, share) => sum + (share ?? 0), 0),
      1,
      String(layer),
    );
  });
  const layer = ran.table('tensors').filter((row) => row['layer'] === 'vit.encoder.layer.2');
  const squares = (rows: readonly Row[]) => rows.reduce((sum, row) => sum + (row['norm'] as number) ** 2, 0);
  const mlp = layer.filter((row) => String(row['module']).startsWith('mlp'));
  const at = series.x.values.indexOf('layer 2');
  const line = series.lines.findIndex(({ name }) => name === 'MLP');
  agree(lines[line]?.[at], squares(mlp) / squares(layer), 'MLP of layer 2');
});

test('recommends to freeze the layers that are bit-identical, and says what is saved', async () => {
  const folder = temporaryFolder();
  const layers = (change: number) =>
    Object.fromEntries(
      [0, 1, 2].map((layer) => [
        `model.layers.${String(layer)}.mlp.up_proj.weight`,
        { shape: [2, 2], values: [1, 2, 3, 4 + (layer === 2 ? change : 0)] },
      ]),
    );
  writeSafetensors(path.join(folder, 'base/model.safetensors'), layers(0));
  writeSafetensors(path.join(folder, 'x/model.safetensors'), layers(1));
  writeSafetensors(path.join(folder, 'y/model.safetensors'), layers(-1));
  const ran = await run(deltaProfile, await study(folder, 'base', ['x', 'y']));
  const plan = ran.artifacts.find(({ id }) => id === 'plan');
  assert.ok(plan?.kind === 'note');
  assert.equal(plan.role, 'recommendation');
  assert.match(plan.text, /^All tasks: layers 0–1 are bit-identical to the base/);
  assert.match(plan.text, /\nx: layers 0–1 are bit-identical to the base: freeze them.*; 66\.7 % /);
  assert.match(plan.text, /\nLimits: /);
  assert.equal(cell(ran.matrix('activity'), 'layer 0', 'x'), 0);
  assert.equal(cell(ran.matrix('activity'), 'layer 2', 'x'), 1);
  assert.equal(only(ran.table('storage'), { task: 'all' })['parameters'], 12 + 4 + 4);
  assert.equal(only(ran.table('active_overlap'), { a: 'x', b: 'y' })['iou'], 1);
});

test('an adapter shares every tensor that it does not target', async () => {
  const ran = await run(deltaProfile, await study(CHARLM, 'base', ['json', 'lora/json-r8']));
  const row = only(ran.table('active_overlap'), { a: 'json', b: 'json-r8' });
  const changed = ran.table('tensors').filter(({ task, norm }) => task === 'json' && norm !== 0);
  agree(row['iou'], 28 / changed.length, 'targets of all changed tensors');
  assert.equal(cell(ran.matrix('activity'), 'input', 'json-r8'), 0);
  const factors = only(ran.table('storage'), { task: 'json-r8' });
  assert.equal(factors['tensors'], 56);
});

test('gives its verdict on the base first, and doubts one that was trained apart', async () => {
  const sound = await run(deltaProfile, await study(VIT, 'base', ['rot90']));
  const [first] = sound.artifacts;
  assert.ok(first?.kind === 'note' && first.role === 'verdict');
  assert.equal(first.title, 'The base fits');
  assert.match(
    first.text,
    /^rot90: 104 of the base's 104 trained tensors have a counterpart; 2 of them are bit-identical/,
  );
  const folder = temporaryFolder();
  const write = (name: string, values: readonly number[], rows: number) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'model.layers.0.mlp.up_proj.weight': { shape: [2, 2], values },
      'model.layers.0.mlp.down_proj.weight': { shape: [2, 2], values },
      'model.embed_tokens.weight': { shape: [rows, 1], values: new Array<number>(rows).fill(1) },
    });
  write('base', [1, 0, 0, 1], 3);
  write('other', [0, 1, -1, 0], 4);
  write('tuned', [1, 0.1, 0, 1], 3);
  const ran = await run(deltaProfile, await study(folder, 'base', ['tuned', 'other']));
  const [verdict] = ran.artifacts;
  assert.ok(verdict?.kind === 'note');
  assert.equal(verdict.title, 'The base may not be the right one');
  assert.match(verdict.text, /^other: .*Doubtful: the vocabulary differs .*point elsewhere/);
  assert.doesNotMatch(verdict.text.split('\n')[1] ?? '', /Doubtful/);
});

function entryOf<T extends { readonly name: string }>(entries: readonly T[] | undefined, name: string): T {
  const entry = entries?.find((each) => each.name === name);
  assert.ok(entry);
  return entry;
}
