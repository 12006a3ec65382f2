import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { product, readValues } from '../lens/slow-passes';
import { temporaryFolder, writeAdapter, writeSafetensors, type Written } from './write-safetensors';

type Tensors = Readonly<Record<string, Written>>;

async function open(folder: string, base: string | null, ...tasks: readonly string[]): Promise<Study> {
  const spec = {
    name: 's',
    ...(base === null ? {} : { base: path.join(folder, base) }),
    tasks: tasks.map((name) => ({ name, path: path.join(folder, name) })),
  };
  const opened = await openStudy(spec);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** A study of one base and one fine-tune. */
async function pair(base: Tensors, task: Tensors): Promise<Study> {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), base);
  writeSafetensors(path.join(folder, 'task/model.safetensors'), task);
  return open(folder, 'base', 'task');
}

async function adapted(
  base: Tensors,
  config: Readonly<Record<string, unknown>>,
  adapter: Tensors,
): Promise<Study> {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), base);
  writeAdapter(path.join(folder, 'task'), config, adapter);
  return open(folder, 'base', 'task');
}

const codes = (study: Study) => study.findings.map(({ code }) => code);
const placed = (study: Study) => [...(study.tasks[0]?.deltas.keys() ?? [])];

test('matches tensors by name, and through the prefix of a wrapper', async () => {
  const layer = { shape: [2, 3] };
  const names = ['layers.0.a.weight', 'layers.0.b.weight'];
  const tensors = (prefix: string): Tensors =>
    Object.fromEntries(names.map((name) => [prefix + name, layer]));
  const plain = await pair(tensors('model.'), tensors('model.'));
  assert.deepEqual([placed(plain), codes(plain)], [names.map((name) => `model.${name}`), []]);
  for (const [base, task] of [
    ['', 'module.'],
    ['', '_orig_mod.'],
    ['model.', ''],
    ['', 'model.'],
    ['', 'bert.'],
    ['model.', 'model.language_model.'],
  ] as const) {
    const study = await pair(tensors(base), tensors(task));
    assert.deepEqual(
      placed(study),
      names.map((name) => base + name),
    );
    assert.deepEqual(codes(study), ['task-name-prefix']);
  }
});

test('lists tensors of another shape with both shapes, and those that only one side has', async () => {
  const study = await pair(
    { a: { shape: [2, 3] }, b: { shape: [4] }, c: { shape: [4] }, d: { shape: [1] }, e: { shape: [1] } },
    { a: { shape: [3, 2] }, b: { shape: [4] }, c: { shape: [4] }, d: { shape: [1] }, f: { shape: [5] } },
  );
  assert.deepEqual(placed(study), ['b', 'c', 'd']);
  assert.deepEqual(codes(study).sort(), ['task-tensor-missing', 'task-tensor-new', 'task-tensor-shape']);
  const shape = study.findings.find(({ code }) => code === 'task-tensor-shape');
  assert.match(shape?.message ?? '', /3x2.*2x3/);
  assert.deepEqual(study.tasks[0]?.unplaced.map(({ tensor }) => tensor).sort(), ['a', 'f']);
});

test('says first that a base does not fit', async () => {
  const study = await pair(
    { a: { shape: [2] }, b: { shape: [2] }, c: { shape: [2] } },
    { a: { shape: [2] }, z: { shape: [2] } },
  );
  assert.equal(codes(study)[0], 'study-task-does-not-fit');
  assert.match(study.findings[0]?.message ?? '', /1 of the base's 3/);
});

test('leaves counters and other whole numbers out', async () => {
  const tensors: Tensors = {
    'bn.weight': { shape: [2] },
    'bn.num_batches_tracked': { shape: [], dtype: 'I64' },
  };
  const study = await pair(tensors, tensors);
  assert.deepEqual([placed(study), codes(study)], [['bn.weight'], ['task-tensor-integer']]);
});

test('an output head that only one side stores is tied to the embedding', async () => {
  const tied: Tensors = {
    'model.embed_tokens.weight': { shape: [8, 2] },
    'model.norm.weight': { shape: [2] },
  };
  const untied: Tensors = { ...tied, 'lm_head.weight': { shape: [8, 2] } };
  for (const study of [await pair(tied, untied), await pair(untied, tied)]) {
    assert.deepEqual([placed(study).length, codes(study)], [2, ['task-tied-head']]);
  }
});

test('reports at most twenty findings of one kind, and counts the rest', async () => {
  const names = Array.from({ length: 60 }, (_, index) => `t${String(index)}`);
  const tensors = (count: number): Tensors =>
    Object.fromEntries(names.slice(0, count).map((name) => [name, { shape: [1] }]));
  const study = await pair(tensors(60), tensors(35));
  assert.equal(study.findings.length, 21);
  assert.match(study.findings.at(-1)?.message ?? '', /^5 more/);
});

const A = [1, 2, 3, 4, 5, 6];
const B = [1, -1, 2, 0.5, 3, 0, -2, 1];

test('the factors of an adapter multiply to scale · B · A', async () => {
  const study = await adapted(
    { 'l.weight': { shape: [4, 3] } },
    { r: 2, lora_alpha: 4 },
    {
      'base_model.model.l.lora_A.weight': { shape: [2, 3], values: A },
      'base_model.model.l.lora_B.weight': { shape: [4, 2], values: B },
    },
  );
  const delta = study.tasks[0]?.deltas.get('l.weight');
  assert.ok(delta?.kind === 'lowRank');
  assert.deepEqual([delta.scale, delta.rank, delta.stored?.transposed], [2, 2, false]);
  const loaded = await delta.load();
  assert.ok(loaded.ok);
  // 2 · B · A by hand.
  assert.deepEqual(product(loaded.value), [-6, -6, -6, 8, 13, 18, 6, 12, 18, 4, 2, 0]);
});

test('a transposed weight gets the transposed product', async () => {
  const tensors: Tensors = {
    'base_model.model.l.lora_A.weight': { shape: [2, 3], values: A },
    'base_model.model.l.lora_B.weight': { shape: [4, 2], values: B },
  };
  const study = await adapted(
    { 'l.weight': { shape: [3, 4] } },
    { r: 2, lora_alpha: 4, fan_in_fan_out: true },
    tensors,
  );
  const delta = study.tasks[0]?.deltas.get('l.weight');
  assert.ok(delta?.kind === 'lowRank' && delta.stored?.transposed);
  const loaded = await delta.load();
  assert.ok(loaded.ok);
  assert.deepEqual([loaded.value.rows, loaded.value.columns], [3, 4]);
  assert.deepEqual(product(loaded.value), [-6, 8, 6, 4, -6, 13, 12, 2, -6, 18, 18, 0]);
});

test('fan_in_fan_out decides for a square weight', async () => {
  for (const turned of [false, true]) {
    const study = await adapted(
      { 'l.weight': { shape: [3, 3] } },
      { fan_in_fan_out: turned },
      {
        'base_model.model.l.lora_A.weight': { shape: [2, 3] },
        'base_model.model.l.lora_B.weight': { shape: [3, 2] },
      },
    );
    const delta = study.tasks[0]?.deltas.get('l.weight');
    assert.ok(delta?.kind === 'lowRank');
    assert.equal(delta.stored?.transposed, turned);
  }
});

test('the factors of an embedding are stored transposed', async () => {
  const study = await adapted(
    { 'emb.weight': { shape: [100, 5] } },
    {},
    {
      'base_model.model.emb.lora_embedding_A': { shape: [2, 100], values: A },
      'base_model.model.emb.lora_embedding_B': { shape: [5, 2], values: B },
    },
  );
  const delta = study.tasks[0]?.deltas.get('emb.weight');
  assert.ok(delta?.kind === 'lowRank');
  const loaded = await delta.load();
  assert.ok(loaded.ok);
  assert.deepEqual([loaded.value.rows, loaded.value.columns], [100, 5]);
});

test('modules that an adapter saved whole are dense task vectors', async () => {
  const study = await adapted(
    { 'l.weight': { shape: [4, 3] }, 'head.weight': { shape: [2], values: [1, 2] } },
    {},
    {
      'base_model.model.l.lora_A.weight': { shape: [2, 3] },
      'base_model.model.l.lora_B.weight': { shape: [4, 2] },
      'base_model.model.head.weight': { shape: [2], values: [3, 4] },
    },
  );
  const delta = study.tasks[0]?.deltas.get('head.weight');
  assert.ok(delta?.kind === 'dense');
  assert.deepEqual(readValues(delta.span), [3, 4]);
});

test('finds the modules of an adapter through a prefix that base or adapter lack', async () => {
  const tensors: Tensors = {
    'base_model.model.model.layers.0.q_proj.lora_A.weight': { shape: [2, 3] },
    'base_model.model.model.layers.0.q_proj.lora_B.weight': { shape: [4, 2] },
  };
  const study = await adapted({ 'layers.0.q_proj.weight': { shape: [4, 3] } }, {}, tensors);
  assert.deepEqual([placed(study), codes(study)], [['layers.0.q_proj.weight'], []]);
});

test('modules that the base does not have, or has in another shape, are reported by name', async () => {
  const study = await adapted(
    { 'a.weight': { shape: [9, 9] } },
    {},
    {
      'base_model.model.a.lora_A.weight': { shape: [2, 3] },
      'base_model.model.a.lora_B.weight': { shape: [4, 2] },
      'base_model.model.b.lora_A.weight': { shape: [2, 3] },
      'base_model.model.b.lora_B.weight': { shape: [4, 2] },
    },
  );
  assert.deepEqual(
    study.findings.map(({ code, at }) => [code, at]),
    [
      ['base-shape-mismatch', 'a'],
      ['adapter-module-not-in-base', 'b'],
    ],
  );
  assert.equal(placed(study).length, 0);
});

test('an adapter that names another base than the study does is reported first', async () => {
  const folder = temporaryFolder();
  for (const name of ['base', 'other']) {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), { 'l.weight': { shape: [4, 3] } });
  }
  writeAdapter(
    path.join(folder, 'task'),
    { base_model_name_or_path: '../other' },
    {
      'base_model.model.l.lora_A.weight': { shape: [2, 3] },
      'base_model.model.l.lora_B.weight': { shape: [4, 2] },
    },
  );
  assert.deepEqual(codes(await open(folder, 'base', 'task')), ['adapter-base-differs']);
  assert.deepEqual(codes(await open(folder, 'other', 'task')), []);
});

test('the samples open without a finding', async () => {
  const samples = path.resolve(import.meta.dirname, '../../samples');
  const vit = await open(path.join(samples, 'vit-digits'), 'base', 'rot90', 'invert', 'vflip');
  assert.deepEqual([vit.findings, vit.tasks.map(({ deltas }) => deltas.size)], [[], [104, 104, 104]]);
  const charlm = await open(
    path.join(samples, 'charlm'),
    'base',
    'json',
    'lora/json-r8',
    'lora/python-rslora-r16',
  );
  assert.deepEqual([charlm.findings, charlm.tasks.map(({ deltas }) => deltas.size)], [[], [38, 28, 28]]);
  const scales = charlm.tasks.slice(1).map(({ deltas }) => [...deltas.values()][0]);
  assert.deepEqual(
    scales.map((delta) => (delta?.kind === 'lowRank' ? delta.scale : null)),
    [2, 4],
  );
});

test('an adapter whose configuration cannot be read has tensors but no task vector', async () => {
  const study = await adapted(
    { 'l.weight': { shape: [4, 3] } },
    { peft_type: null },
    {
      'base_model.model.l.lora_A.weight': { shape: [2, 3] },
      'base_model.model.l.lora_B.weight': { shape: [4, 2] },
    },
  );
  assert.deepEqual(
    [placed(study), codes(study), study.tasks[0]?.checkpoint.tensors.length],
    [[], ['peft-type-missing'], 2],
  );
});

test('fails with the problem of the file that cannot be opened', async () => {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), { a: { shape: [1] } });
  const missing = path.join(folder, 'nothing');
  const opened = await openStudy({
    name: 's',
    base: path.join(folder, 'base'),
    tasks: [{ name: 't', path: missing }],
  });
  assert.ok(!opened.ok);
  assert.equal(opened.problem.path, missing);
});

test('refuses a study with nothing in it, with two tasks of one name, or with an adapter as its base', async () => {
  const folder = temporaryFolder();
  writeAdapter(path.join(folder, 'a'), {}, { 'base_model.model.l.lora_A.weight': { shape: [2, 3] } });
  const task = { name: 't', path: path.join(folder, 'a') };
  const code = async (spec: Parameters<typeof openStudy>[0]) => {
    const opened = await openStudy(spec);
    return opened.ok ? '' : opened.problem.code;
  };
  assert.equal(await code({ name: 's', tasks: [] }), 'study-invalid');
  assert.equal(await code({ name: 's', tasks: [task, task] }), 'study-task-duplicate');
  assert.equal(await code({ name: 's', base: task.path, tasks: [] }), 'study-base-adapter');
});
