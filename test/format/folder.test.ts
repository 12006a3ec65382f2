import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { FORMATS, openCheckpoint } from '../../src/format/registry';
import { temporaryFolder, vectors, writeFiles } from './files';

const BASE = vectors(['base.weight']);
const ADAPTER = vectors(['base_model.model.q.lora_A.weight', 'base_model.model.q.lora_B.weight']);
const CONFIG = JSON.stringify({ peft_type: 'LORA', r: 8 });

function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  return writeFiles(temporaryFolder(), files);
}

async function namesIn(path: string): Promise<string[]> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value.tensors.map(({ name }) => name);
}

async function problemOf(path: string) {
  const opened = await openCheckpoint(path);
  assert.ok(!opened.ok);
  return opened.problem;
}

const OPENS: readonly (readonly [
  what: string,
  files: Readonly<Record<string, Buffer | string>>,
  tensor: string,
])[] = [
  ['model.safetensors', { 'model.safetensors': BASE, 'other.safetensors': ADAPTER }, 'base.weight'],
  [
    'a diffusers model',
    { 'diffusion_pytorch_model.safetensors': BASE, 'x.safetensors': ADAPTER },
    'base.weight',
  ],
  ['the only safetensors file', { 'gpt2-fp16.safetensors': BASE, 'notes.txt': 'x' }, 'base.weight'],
  [
    'the index of a sharded model',
    {
      'diffusion_pytorch_model.safetensors.index.json': '{"weight_map":{"base.weight":"a.safetensors"}}',
      'a.safetensors': BASE,
      'b.safetensors': ADAPTER,
    },
    'base.weight',
  ],
  [
    'the only index, whatever its name',
    {
      'unet.safetensors.index.json': '{"weight_map":{"base.weight":"a.safetensors"}}',
      'a.safetensors': BASE,
    },
    'base.weight',
  ],
  [
    'a PEFT adapter',
    { 'adapter_model.safetensors': ADAPTER, 'adapter_config.json': CONFIG },
    'base_model.model.q.lora_A.weight',
  ],
  [
    'an mlx adapter',
    { 'adapters.safetensors': ADAPTER, '0000100_adapters.safetensors': BASE, 'adapter_config.json': '{}' },
    'base_model.model.q.lora_A.weight',
  ],
];

for (const [what, files, tensor] of OPENS) {
  test(`a folder opens as ${what}`, async () => {
    const folder = folderOf(files);
    const opened = await openCheckpoint(folder);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.path, folder);
    assert.equal(opened.value.tensors[0]?.name, tensor);
    assert.deepEqual(opened.value.findings, []);
  });
}

test('a path with a slash at its end, or relative to the working folder, is the same path', async () => {
  const folder = folderOf({ 'model.safetensors': BASE });
  for (const path of [`${folder}/`, paths.relative(process.cwd(), folder)]) {
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok);
    assert.equal(opened.value.path, folder);
  }
});

test('an adapter beside a base opens as what was named, never as the other', async () => {
  const folder = folderOf({
    'model.safetensors': BASE,
    'adapter_model.safetensors': ADAPTER,
    'adapter_config.json': CONFIG,
  });
  assert.equal((await namesIn(paths.join(folder, 'model.safetensors'))).length, 1);
  assert.equal((await namesIn(paths.join(folder, 'adapter_model.safetensors'))).length, 2);
  assert.equal((await namesIn(paths.join(folder, 'adapter_config.json'))).length, 2);
});

test('a folder with a base and an adapter is ambiguous, and both are named', async () => {
  const folder = folderOf({
    'model.safetensors': BASE,
    'adapter_model.safetensors': ADAPTER,
    'adapter_config.json': CONFIG,
  });
  const problem = await problemOf(folder);
  assert.equal(problem.code, 'folder-ambiguous');
  assert.match(problem.message, /"adapter_model\.safetensors", "model\.safetensors"/);
  assert.equal(problem.path, folder);
});

test('a folder with a sharded base and an adapter is ambiguous too', async () => {
  const folder = folderOf({
    'model.safetensors.index.json': '{"weight_map":{"base.weight":"a.safetensors"}}',
    'a.safetensors': BASE,
    'adapter_model.safetensors': ADAPTER,
  });
  assert.equal((await problemOf(folder)).code, 'folder-ambiguous');
});

test('the configuration of an adapter opens the weights beside it, and says so when there are none', async () => {
  const folder = folderOf({ 'adapter_config.json': CONFIG, 'adapter_model.safetensors': ADAPTER });
  const opened = await openCheckpoint(paths.join(folder, 'adapter_config.json'));
  assert.ok(opened.ok);
  assert.equal(opened.value.path, paths.join(folder, 'adapter_model.safetensors'));
  const bare = folderOf({
    'adapter_config.json': CONFIG,
    'adapter_model.pkl': 'x',
    'model.safetensors': BASE,
  });
  const problem = await problemOf(paths.join(bare, 'adapter_config.json'));
  assert.equal(problem.code, 'adapter-weights-missing');
  assert.match(problem.message, /"adapter_model\.pkl"/);
  fs.rmSync(paths.join(bare, 'model.safetensors'));
  assert.equal((await problemOf(bare)).code, 'adapter-weights-missing');
});

test('a whole model beside an index is not overlooked', async () => {
  const folder = folderOf({
    'model.safetensors.index.json': '{"weight_map":{"base.weight":"a.safetensors"}}',
    'a.safetensors': BASE,
    'model.safetensors': ADAPTER,
  });
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tensors.map(({ name }) => name),
    ['base.weight'],
  );
  assert.deepEqual(
    opened.value.findings.map(({ code, at }) => [code, at]),
    [['folder-index-and-file', 'model.safetensors']],
  );
});

test('an index of one shard named model.safetensors is no contradiction', async () => {
  const folder = folderOf({
    'model.safetensors.index.json': '{"weight_map":{"base.weight":"model.safetensors"}}',
    'model.safetensors': BASE,
  });
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.findings, []);
});

test('an adapter of AdapterHub is told apart from its prediction head, of which a finding says where it is', async () => {
  const head = { config: { head_type: 'classification', num_labels: 2 } };
  for (const [files, says] of [
    [
      { 'adapter.safetensors': BASE, 'model_head.safetensors': BASE },
      /classification, 2 labels.*"model_head\.safetensors"/,
    ],
    [{ 'adapter.safetensors': BASE }, /weights of which are not in the folder/],
  ] as const) {
    const folder = writeFiles(temporaryFolder(), {
      ...files,
      'adapter_config.json': '{"model_class": "BertAdapterModel", "config": {}}',
      'head_config.json': JSON.stringify(head),
    });
    const opened = await openCheckpoint(folder);
    assert.ok(opened.ok);
    assert.equal(opened.value.files[0]?.path, paths.join(folder, 'adapter.safetensors'));
    const [finding, ...more] = opened.value.findings;
    assert.deepEqual([finding?.code, more.length], ['adapter-head', 0]);
    assert.match(finding?.message ?? '', says);
  }
});

const REFUSED: readonly (readonly [
  what: string,
  files: Readonly<Record<string, Buffer | string>>,
  code: string,
  says: RegExp,
])[] = [
  [
    'the output folder of a trainer',
    { 'checkpoint-900/a': '', 'checkpoint-1000/a': '' },
    'folder-of-run',
    /training run.*newest is "checkpoint-1000"/,
  ],
  ['an empty folder', {}, 'folder-empty', /empty/],
  [
    'a folder without weights',
    { 'config.json': '{}', 'sub/model.safetensors': BASE },
    'folder-empty',
    /only "config\.json", "sub\/"/,
  ],
  ['a folder of pickles', { 'weights.pkl': 'x' }, 'folder-empty', /"weights\.pkl"/],
  [
    'a folder of several checkpoints',
    { 'a.safetensors': BASE, 'b.safetensors': BASE },
    'folder-ambiguous',
    /"a\.safetensors", "b\.safetensors"/,
  ],
  [
    'shards without their index',
    { 'model-00001-of-00002.safetensors': BASE, 'model-00002-of-00002.safetensors': ADAPTER },
    'folder-ambiguous',
    /look like shards.*is missing/,
  ],
];

for (const [what, files, code, says] of REFUSED) {
  test(`${what} is refused with ${code}, listing what is there`, async () => {
    const problem = await problemOf(folderOf(files));
    assert.equal(problem.code, code);
    assert.match(problem.message, says);
  });
}

test('every format has an id of its own and says what it supports', () => {
  const ids = FORMATS.map(({ description }) => description.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { description } of FORMATS) assert.ok(description.title && description.supports.length > 0);
});
