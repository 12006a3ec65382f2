import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { adapterCard } from '../../src/lens/adapter-card';
import type { Study } from '../../src/model/study';
import { temporaryFolder, writeAdapter, writeSafetensors, type Written } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study, type Ran } from './run';
import { product, readValues } from './slow-passes';

const CHARLM = path.join(SAMPLES, 'charlm');
const COLUMNS = [
  'module', 'layer', 'kind', 'rank', 'alpha', 'scale', 'norm', 'norm_base', 'relative', 'tensor_prefix',
]; // prettier-ignore

const root = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** ‖s·B·A‖ of a module, with the product formed. */
function slowNorm(opened: Study, module: string, scale: number): number {
  const [task] = opened.tasks;
  const entry = (side: string) => {
    const found = task?.checkpoint.tensors.find(({ name }) => name.endsWith(`${module}.lora_${side}.weight`));
    assert.ok(found);
    return found.span;
  };
  const [a, b] = [entry('A'), entry('B')];
  const [rank = 0, columns = 0] = a.shape;
  const [rows = 0] = b.shape;
  const values = (span: typeof a) => Float64Array.from(readValues(span));
  return root(product({ scale, rank, rows, columns, a: values(a), b: values(b) }));
}

function textOf(ran: Ran, id: string): string {
  const note = ran.artifacts.find((each) => each.id === id);
  assert.ok(note?.kind === 'note', id);
  return note.text;
}

test('norms of the targets are those of the products, relative to the base', async () => {
  const opened = await study(CHARLM, 'base', ['lora/python-rslora-r16']);
  const ran = await run(adapterCard, opened);
  const table = ran.artifacts.find(({ id }) => id === 'targets');
  assert.ok(table?.kind === 'table');
  assert.deepEqual(table.columns.map(({ name }) => name), COLUMNS); // prettier-ignore
  assert.equal(table.rows.length, 28);
  for (const module of ['model.layers.0.self_attn.q_proj', 'model.layers.3.mlp.down_proj']) {
    const row = only(ran.table('targets'), { module });
    const before = opened.base?.tensors.find(({ name }) => name === `${module}.weight`);
    assert.ok(before);
    const [norm, base] = [slowNorm(opened, module, 4), root(readValues(before.span))];
    agree(row['norm'], norm, `${module} norm`);
    agree(row['norm_base'], base, `${module} base`);
    agree(row['relative'], norm / base, `${module} relative`);
    assert.deepEqual(
      [row['kind'], row['rank'], row['alpha'], row['scale'], row['tensor_prefix']],
      ['rsLoRA', 16, 16, 4, `base_model.model.${module}`],
    );
  }
  const [only28] = ran.table('adapters');
  assert.deepEqual([only28?.['health'], only28?.['placed'], only28?.['bytes']], ['healthy', 28, 524288]);
  assert.equal(cell(ran.matrix('rank:python-rslora-r16'), 'layer 2', 'mlp.up'), 16);
});

test('without a base the norms of the factors are the same, the rest is undefined and a note says so', async () => {
  const opened = await study(CHARLM, null, ['lora/json-r8']);
  const ran = await run(adapterCard, opened);
  const module = 'model.layers.1.mlp.gate_proj';
  const row = only(ran.table('targets'), { module });
  agree(row['norm'], slowNorm(opened, module, 2), 'norm');
  assert.deepEqual([row['norm_base'], row['relative']], [null, null]);
  assert.match(textOf(ran, 'card:json-r8'), /No base: .* undefined/);
  assert.ok(!ran.artifacts.some(({ id }) => id === 'relative:json-r8'));
  assert.equal(ran.bytesRead, 262144);
});

test('several adapters have a page each', async () => {
  const ran = await run(
    adapterCard,
    await study(CHARLM, 'base', ['lora/json-r8', 'json', 'lora/python-rslora-r16']),
  );
  assert.deepEqual(ran.table('adapters').map(({ adapter }) => adapter), ['json-r8', 'python-rslora-r16']); // prettier-ignore
  assert.equal(ran.table('targets:json-r8').length, 28);
  assert.equal(ran.table('compatibility:python-rslora-r16').length, 5);
});

const NAME = 'model.layers.0.self_attn.q_proj';

/** A base of a few tensors and an adapter on it. */
async function written(
  config: Readonly<Record<string, unknown>>,
  tensors: Readonly<Record<string, Written>>,
): Promise<Study> {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${NAME}.weight`]: { shape: [3, 3], values: [1] },
    'model.layers.0.self_attn.k_proj.weight': { shape: [3, 3], values: [1] },
    'model.embed_tokens.weight': { shape: [50, 3], values: [1] },
  });
  writeAdapter(path.join(folder, 'adapter'), { r: 1, lora_alpha: 1, ...config }, tensors);
  return study(folder, 'base', ['adapter']);
}

const factors = (module: string, b: readonly number[], a: readonly number[] = [1]) => ({
  [`base_model.model.${module}.lora_A.weight`]: { shape: [1, 3], values: a },
  [`base_model.model.${module}.lora_B.weight`]: { shape: [3, 1], values: b },
});

test('names the state of an adapter', async () => {
  const k = 'model.layers.0.self_attn.k_proj';
  const cases: [string, Readonly<Record<string, Written>>][] = [
    ['healthy', factors(NAME, [0.1])],
    ['does nothing', factors(NAME, [0])],
    ['does nothing', factors('model.layers.7.self_attn.q_proj', [1])],
    ['applies in part', { ...factors(NAME, [0.1]), ...factors(k, [0]) }],
    ['applies in part', { ...factors(NAME, [0.1]), ...factors('model.layers.7.self_attn.q_proj', [1]) }],
    ['broken', factors(NAME, [NaN])],
    ['overwhelms the base', factors(NAME, [5])],
    ['hardly moves', factors(NAME, [1e-6])],
  ];
  for (const [state, tensors] of cases) {
    const ran = await run(adapterCard, await written({}, tensors));
    assert.equal(ran.table('adapters')[0]?.['health'], state, JSON.stringify(tensors));
  }
});

test('says what takes the space, and that servers refuse modules saved whole', async () => {
  const opened = await written(
    { modules_to_save: ['embed_tokens'] },
    {
      ...factors(NAME, [0.1]),
      'base_model.model.model.embed_tokens.weight': { shape: [50, 3], values: [1.5] },
    },
  );
  const ran = await run(adapterCard, opened);
  const embeddings = only(ran.table('size'), { part: 'embeddings and head' });
  assert.deepEqual([embeddings['tensors'], embeddings['bytes']], [1, 600]);
  agree(embeddings['share'], 600 / 624, 'share');
  assert.match(textOf(ran, 'advice'), /The factors alone would take 24 B/);
  const saved = only(ran.table('targets'), { kind: 'saved whole' });
  agree(saved['norm'], 0.5 * Math.sqrt(150), 'norm of what was saved');
  for (const consumer of ['vLLM', 'llama.cpp (GGUF)'])
    assert.equal(only(ran.table('compatibility'), { consumer })['loads'], 'no', consumer);
  assert.equal(only(ran.table('compatibility'), { consumer: 'PEFT' })['loads'], 'yes');
});

test('servers that scale otherwise are told apart from those that load', async () => {
  const loads = async (config: Readonly<Record<string, unknown>>) => {
    const ran = await run(adapterCard, await written(config, factors(NAME, [0.1])));
    return (consumer: string) => only(ran.table('compatibility'), { consumer })['loads'];
  };
  const plain = await loads({});
  assert.deepEqual([plain('vLLM'), plain('llama.cpp (GGUF)')], ['yes', 'after conversion']);
  const stabilised = await loads({ use_rslora: true });
  assert.deepEqual([stabilised('vLLM'), stabilised('llama.cpp (GGUF)')], ['yes', 'at another scale']);
  assert.equal((await loads({ alpha_pattern: { q_proj: 3 } }))('vLLM'), 'at another scale');
});

test('metadata of trainers are readable', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'style.safetensors');
  const layer = 'lora_unet_down_blocks_0_attentions_0_proj_in';
  writeSafetensors(
    file,
    {
      [`${layer}.lora_down.weight`]: { shape: [2, 4], values: [1] },
      [`${layer}.lora_up.weight`]: { shape: [4, 2], values: [1] },
      [`${layer}.alpha`]: { shape: [], values: [1] },
    },
    {
      ss_sd_model_name: 'sd15.safetensors',
      ss_training_started_at: '1700000000.5',
      ss_tag_frequency: JSON.stringify({ '10_cat': { tabby: 3, cat: 20 }, more: { cat: 1 } }),
      ss_seed: 'None',
      'modelspec.thumbnail': 'data:image/png;base64,AAAA',
      'modelspec.trigger_phrase': 'a cat',
    },
  );
  const ran = await run(adapterCard, await study(folder, null, ['style.safetensors']));
  const value = (title: string) => ran.table('training').find((row) => row['title'] === title)?.['value'];
  assert.equal(value('Base'), 'sd15.safetensors');
  assert.equal(value('Started'), '2023-11-14 22:13');
  assert.equal(value('Most frequent tags (trigger words are among them)'), 'cat (21), tabby (3)');
  assert.equal(value('Trigger phrase'), 'a cat');
  assert.equal(ran.table('training').length, 4);
  agree(ran.table('targets')[0]?.['scale'], 0.5, 'scale');
  assert.equal(only(ran.table('compatibility'), { consumer: 'diffusers' })['loads'], 'yes');
  assert.equal(only(ran.table('compatibility'), { consumer: 'vLLM' })['loads'], 'no');
});

test('an adapter that changes no weight has a page that says why', async () => {
  const folder = temporaryFolder();
  writeAdapter(
    path.join(folder, 'prompt'),
    { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
    { prompt_embeddings: { shape: [4, 3], values: [1] } },
  );
  const ran = await run(adapterCard, await study(folder, null, ['prompt']));
  assert.equal(ran.table('adapters')[0]?.['health'], 'no weight change');
  assert.equal(ran.table('targets').length, 0);
});

test('a study without an adapter is refused, with the reason', async () => {
  const opened = await study(CHARLM, 'base', ['json']);
  const output = await adapterCard.run(opened, {}, {
    passes: { run: () => assert.fail('nothing is read') },
    signal: new AbortController().signal,
    memoryBudget: 2 ** 20,
    progress: () => undefined,
    log: () => undefined,
  }); // prettier-ignore
  assert.ok(!output.ok);
  assert.equal(output.problem.code, 'no-task-vector');
  assert.match(output.problem.message, /No task of "charlm" is an adapter/);
});
