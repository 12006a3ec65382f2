import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import type { Checkpoint } from '../../src/format/checkpoint';
import {
  findAdapterBase,
  isSavedWhole,
  parsePeftTensorName,
  readAdapterConfig,
  scaleOf,
} from '../../src/model/adapter';
import type { AdapterConfig } from '../../src/model/adapter-config';
import type { AdapterDescription } from '../../src/model/describe-adapter';
import { openAdapter } from '../../src/model/open-adapter';
import { temporaryFolder, writeAdapter, writeSafetensors, type Written } from './write-safetensors';

function config(fields: Readonly<Record<string, unknown>>): AdapterConfig {
  const read = readAdapterConfig(JSON.stringify({ peft_type: 'LORA', ...fields }), '/a/adapter_config.json');
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return read.value;
}

function problem(text: string) {
  const read = readAdapterConfig(text, '/a/adapter_config.json');
  assert.ok(!read.ok);
  return read.problem;
}

async function opened(folder: string): Promise<{ checkpoint: Checkpoint; adapter: AdapterDescription }> {
  const checkpoint = await openCheckpoint(folder);
  assert.ok(checkpoint.ok, checkpoint.ok ? '' : checkpoint.problem.message);
  const adapter = await openAdapter(checkpoint.value);
  assert.ok(adapter.ok, adapter.ok ? '' : adapter.problem.message);
  assert.ok(adapter.value);
  return { checkpoint: checkpoint.value, adapter: adapter.value };
}

const factors = (module: string, rank: number, rows = 4, columns = 6): Record<string, Written> => ({
  [`base_model.model.${module}.lora_A.weight`]: { shape: [rank, columns] },
  [`base_model.model.${module}.lora_B.weight`]: { shape: [rows, rank] },
});

test('LoRA scales by alpha / r, rsLoRA by alpha / √r', () => {
  assert.deepEqual(scaleOf(config({ r: 16, lora_alpha: 8 }), 'q_proj'), { rank: 16, alpha: 8, scale: 0.5 });
  assert.equal(scaleOf(config({ r: 16, lora_alpha: 8, use_rslora: true }), 'q_proj').scale, 2);
});

test('absent fields have the defaults of PEFT', () => {
  const read = config({});
  assert.deepEqual([read.rank, read.alpha, read.fanInFanOut, read.baseName], [8, 8, false, null]);
});

test('patterns match whole trailing parts of a module name, and the first one counts', () => {
  const read = config({
    r: 8,
    lora_alpha: 16,
    rank_pattern: {
      'layers.1.self_attn.q_proj': 2,
      '^decoder\\.layers\\.(0|2)\\.q_proj': 4,
      k_proj: 3,
      '.*_proj': 5,
    },
    alpha_pattern: { q_proj: 32 },
  });
  const rank = (module: string) => scaleOf(read, module).rank;
  assert.equal(rank('model.layers.1.self_attn.q_proj'), 2);
  assert.equal(rank('model.layers.11.self_attn.q_proj'), 5);
  assert.equal(rank('decoder.layers.2.q_proj'), 4);
  assert.equal(rank('model.decoder.layers.2.q_proj'), 5);
  assert.equal(rank('a.k_proj'), 3);
  assert.equal(rank('a.not_k_proj'), 5);
  assert.equal(rank('a.fc1'), 8);
  assert.deepEqual(scaleOf(read, 'model.layers.1.self_attn.q_proj'), { rank: 2, alpha: 32, scale: 16 });
  assert.equal(scaleOf(read, 'a.k_proj').alpha, 16);
});

test('kinds are named as people call them', () => {
  for (const [fields, kind] of [
    [{ peft_type: 'LOHA' }, 'LoHa'],
    [{ peft_type: 'IA3' }, 'IA³'],
    [{ peft_type: 'SOMETHING_NEW' }, 'SOMETHING_NEW'],
    [{ use_dora: true }, 'DoRA'],
  ] as const) {
    assert.equal(config(fields).kind, kind);
  }
});

test('what changed the base too, or does not keep its shapes, has no task vector', () => {
  for (const fields of [{ layer_replication: [[0, 4]] }, { init_lora_weights: 'pissa_niter_4' }]) {
    assert.ok(config(fields).refusal);
  }
  for (const fields of [
    {},
    { use_rslora: true },
    { init_lora_weights: 'gaussian' },
    { layer_replication: null },
  ]) {
    assert.equal(config(fields).refusal, null);
  }
});

test('says which field of a configuration is wrong', () => {
  assert.equal(problem('{').code, 'json-syntax');
  assert.equal(problem('[1]').code, 'json-syntax');
  assert.equal(problem('{"r": 8}').code, 'peft-type-missing');
  for (const [fields, at] of [
    [{ r: '8' }, 'r'],
    [{ r: 0 }, 'r'],
    [{ r: 2.5 }, 'r'],
    [{ lora_alpha: null, use_rslora: 'yes' }, 'use_rslora'],
    [{ rank_pattern: { q_proj: -1 } }, 'rank_pattern.q_proj'],
    [{ target_modules: 3 }, 'target_modules'],
    [{ base_model_name_or_path: 3 }, 'base_model_name_or_path'],
  ] as const) {
    const found = problem(JSON.stringify({ peft_type: 'LORA', ...fields }));
    assert.deepEqual([found.code, found.at], ['adapter-field-type', at]);
  }
  assert.equal(problem('{"peft_type":"LORA","rank_pattern":{"(":1}}').code, 'module-pattern-invalid');
});

test('a pattern that would keep a backtracking engine busy for hours is answered at once', () => {
  const read = config({ rank_pattern: { '(a+)+b': 2 } });
  assert.equal(scaleOf(read, 'a'.repeat(5000)).rank, 8);
});

test('reads tensor names as PEFT has written them over the years', () => {
  for (const [name, module, factor] of [
    [
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      'model.layers.0.self_attn.q_proj',
      'lora_A',
    ],
    ['base_model.model.model.layers.0.q_proj.lora_B.default.weight', 'model.layers.0.q_proj', 'lora_B'],
    ['base_model.model.emb.lora_embedding_A', 'emb', 'lora_embedding_A'],
    ['base_model.model.emb.lora_embedding_B.default', 'emb', 'lora_embedding_B'],
    ['base_model.model.lin0.lora_E', 'lin0', 'lora_E'],
    ['base_model.model.q.lora_magnitude_vector', 'q', 'lora_magnitude_vector'],
    ['base_model.model.q.lora_magnitude_vector.default.weight', 'q', 'lora_magnitude_vector'],
    ['base_model.model.q.lora_B.bias', 'q', 'lora_B.bias'],
    ['base_model.model.model.layers.0.fc2.ia3_l', 'model.layers.0.fc2', 'ia3_l'],
    ['base_model.model.classifier.modules_to_save.default.weight', 'classifier', 'weight'],
    ['base_model.model.classifier.bias', 'classifier', 'bias'],
    ['base_model.model.embed_tokens.base_layer.weight', 'embed_tokens', 'weight'],
    ['unet.down_blocks.0.to_q.lora_A.weight', 'unet.down_blocks.0.to_q', 'lora_A'],
    ['base_model.unilora_theta_d', '', 'unilora_theta_d'],
  ] as const) {
    assert.deepEqual(parsePeftTensorName(name), { module, factor }, name);
  }
  assert.equal(parsePeftTensorName('model.layers.0.self_attn.q_proj.weight'), null);
  assert.equal(parsePeftTensorName('lora_A_projector.weight'), null);
  assert.deepEqual(['weight', 'bias', 'lora_A', 'lora_B.bias'].map(isSavedWhole), [true, true, false, false]);
});

test('describes ranks, scales and what was saved whole', async () => {
  const folder = writeAdapter(
    path.join(temporaryFolder(), 'a'),
    { r: 8, lora_alpha: 16, rank_pattern: { k_proj: 2 }, modules_to_save: ['head'] },
    {
      ...factors('layers.10.q_proj', 8),
      ...factors('layers.9.k_proj', 2),
      'base_model.model.head.weight': { shape: [3, 4] },
    },
  );
  const { adapter } = await opened(folder);
  assert.deepEqual(
    adapter.targets.map(({ module, storedRank, scale }) => [module, storedRank, scale]),
    [
      ['layers.9.k_proj', 2, 8],
      ['layers.10.q_proj', 8, 2],
    ],
  );
  assert.deepEqual(
    adapter.saved.map(({ tensor }) => tensor),
    ['head.weight'],
  );
  assert.deepEqual(
    [adapter.summary.kind, adapter.summary.rank, adapter.summary.scale],
    ['LoRA', '2–8', '2–8'],
  );
  assert.deepEqual(adapter.findings, []);
});

test('a rank that is not that of the tensors is reported, and the configured one scales', async () => {
  const { adapter } = await opened(
    writeAdapter(path.join(temporaryFolder(), 'a'), { r: 4, lora_alpha: 4 }, factors('q_proj', 2)),
  );
  assert.deepEqual(
    adapter.findings.map(({ code, at }) => [code, at]),
    [['rank-mismatch', 'q_proj']],
  );
  assert.deepEqual([adapter.targets[0]?.scale, adapter.targets[0]?.storedRank], [1, 2]);
});

test('one wrong rank for many modules is one finding, which says how many', async () => {
  const { adapter } = await opened(
    writeAdapter(
      path.join(temporaryFolder(), 'a'),
      { r: 4, lora_alpha: 4, target_modules: ['q_proj', 'k_proj', 'v_proj'] },
      { ...factors('q_proj', 2), ...factors('k_proj', 2), ...factors('v_proj', 3) },
    ),
  );
  assert.deepEqual(
    adapter.findings.map(({ code, message }) => [code, message.split(': ')[0]]),
    [
      ['rank-mismatch', 'k_proj and 1 more'],
      ['rank-mismatch', 'v_proj'],
    ],
  );
});

test('half a pair and disagreeing ranks are left out and reported', async () => {
  const { adapter } = await opened(
    writeAdapter(
      path.join(temporaryFolder(), 'a'),
      {},
      {
        'base_model.model.half.lora_A.weight': { shape: [2, 3] },
        'base_model.model.odd.lora_A.weight': { shape: [2, 3] },
        'base_model.model.odd.lora_B.weight': { shape: [3, 4] },
      },
    ),
  );
  assert.deepEqual(adapter.targets, []);
  assert.deepEqual(adapter.findings.map(({ code }) => code).sort(), [
    'lora-factor-missing',
    'lora-factors-disagree',
  ]);
  assert.equal(adapter.unplaced.length, 3);
});

test('a checkpoint that merely lies beside an adapter is no adapter', async () => {
  const folder = temporaryFolder();
  writeAdapter(folder, {}, factors('q_proj', 2));
  const file = writeSafetensors(path.join(folder, 'model.safetensors'), {
    'q_proj.weight': { shape: [4, 6] },
  });
  const checkpoint = await openCheckpoint(file);
  assert.ok(checkpoint.ok);
  assert.deepEqual(await openAdapter(checkpoint.value), { ok: true, value: null });
});

test('factors without a configuration are taken at scale 1, and that is said', async () => {
  const file = writeSafetensors(
    path.join(temporaryFolder(), 'adapter_model.safetensors'),
    factors('q_proj', 2),
  );
  const checkpoint = await openCheckpoint(file);
  assert.ok(checkpoint.ok);
  const adapter = await openAdapter(checkpoint.value);
  assert.ok(adapter.ok && adapter.value);
  assert.deepEqual(
    adapter.value.findings.map(({ code }) => code),
    ['adapter-scale-assumed'],
  );
  assert.equal(adapter.value.targets[0]?.scale, 1);
});

async function base(folder: string, shape: readonly number[] = [4, 6]): Promise<Checkpoint> {
  const file = writeSafetensors(path.join(folder, 'model.safetensors'), { 'q_proj.weight': { shape } });
  const checkpoint = await openCheckpoint(file);
  assert.ok(checkpoint.ok);
  return checkpoint.value;
}

async function find(
  folder: string,
  baseName: string | null,
  roots: readonly string[],
  candidates: readonly Checkpoint[],
) {
  const { adapter, checkpoint } = await opened(
    path.join(
      writeAdapter(folder, { base_model_name_or_path: baseName }, factors('q_proj', 2)),
      'adapter_config.json',
    ),
  );
  return findAdapterBase({ config: adapter.config, tensors: checkpoint.tensors }, roots, candidates);
}

test('finds a base relative to the adapter, then relative to a workspace folder', async () => {
  const root = temporaryFolder();
  await base(path.join(root, 'models/base'));
  const wanted = { path: path.join(root, 'models/base'), inferred: false };
  assert.deepEqual(await find(path.join(root, 'lora/a'), '../../models/base', [root], []), wanted);
  assert.deepEqual(await find(path.join(root, 'lora/b'), 'models/base', [root], []), wanted);
  assert.deepEqual(await find(path.join(root, 'lora/c'), path.join(root, 'models/base'), [root], []), wanted);
});

test('takes the model beside an adapter that names its own folder, and never the adapter itself', async () => {
  const root = temporaryFolder();
  await base(path.join(root, 'both'));
  const model = { path: path.join(root, 'both/model.safetensors'), inferred: false };
  assert.deepEqual(await find(path.join(root, 'both'), '.', [root], []), model);
  assert.equal(await find(path.join(root, 'alone'), path.join(root, 'alone'), [root], []), null);
});

test('never follows a path or link out of the workspace', async () => {
  const [root, outside] = [temporaryFolder(), temporaryFolder()];
  await base(outside);
  fs.symlinkSync(outside, path.join(root, 'link'));
  assert.equal(await find(path.join(root, 'a'), outside, [root], []), null);
  assert.equal(await find(path.join(root, 'b'), '../link', [root], []), null);
  assert.equal(await find(path.join(root, 'c'), '../link', [], []), null);
});

test('infers a base that is not named from shapes, where only one fits', async () => {
  const root = temporaryFolder();
  const fitting = await base(path.join(root, 'one'));
  const other = await base(path.join(root, 'two'), [6, 6]);
  const found = await find(path.join(root, 'a'), 'hub/name', [root], [fitting, other]);
  assert.deepEqual(found, { path: fitting.path, inferred: true });
  const twin = await base(path.join(root, 'three'));
  assert.equal(await find(path.join(root, 'b'), 'hub/name', [root], [fitting, other, twin]), null);
});

test('among several that fit takes the one called like the base', async () => {
  const root = temporaryFolder();
  const tuned = await base(path.join(root, 'charlm/json'));
  const meant = await base(path.join(root, 'charlm/base'));
  const far = await base(path.join(root, 'other/base'));
  const found = await find(path.join(root, 'a'), 'zoo/charlm-base', [root], [tuned, meant, far]);
  assert.deepEqual(found, { path: meant.path, inferred: true });
});
