import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { TensorStatistics } from '../../src/protocol/checkpoint';
import { TestClient } from './client';
import { temporaryFolder, writeHole, writeTensors, writeText } from './files';

const samples = path.resolve('samples');
const vit = (task: string) => path.join(samples, 'vit-digits', task, 'model.safetensors');
const charlm = (...names: string[]) => path.join(samples, 'charlm', ...names);
const QUERY = 'vit.encoder.layer.2.attention.attention.query.weight';

const folder = temporaryFolder();
let client: TestClient;

before(async () => {
  client = await TestClient.start(samples);
});
after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

/** Float32 values of one tensor, read the short way. */
function valuesOf(file: string, tensor: string): Float64Array {
  const bytes = fs.readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const entry = header[tensor];
  assert.equal(entry?.dtype, 'F32');
  const [start, end] = entry.data_offsets;
  const data = bytes.subarray(8 + headerLength + start, 8 + headerLength + end);
  return Float64Array.from({ length: data.length / 4 }, (_, index) => data.readFloatLE(4 * index));
}

/** The formulas as they stand in a textbook, in two passes over all values. */
function obviousStatistics(values: Float64Array, bins: number) {
  const count = values.length;
  const sum = (of: (x: number) => number) => values.reduce((total, x) => total + of(x), 0);
  const mean = sum((x) => x) / count;
  const min = Math.min(...values);
  const max = Math.max(...values);
  const counts = Array<number>(bins).fill(0);
  for (const x of values) {
    const bin = Math.min(bins - 1, Math.floor(((x - min) / (max - min)) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return {
    mean,
    std: Math.sqrt(sum((x) => (x - mean) ** 2) / count),
    min,
    max,
    absmax: Math.max(-min, max),
    l1: sum(Math.abs),
    l2: Math.sqrt(sum((x) => x * x)),
    counts,
  };
}

function assertStatistics(actual: TensorStatistics | null, values: Float64Array, bins: number): void {
  const wanted = obviousStatistics(values, bins);
  assert.ok(actual?.histogram);
  assert.equal(actual.count, values.length);
  for (const name of ['mean', 'std', 'min', 'max', 'absmax', 'l1', 'l2'] as const) {
    const [figure, reference] = [actual[name] ?? Number.NaN, wanted[name]];
    assert.ok(
      Math.abs(figure - reference) <= 1e-9 * Math.abs(reference) + 1e-15,
      `${name}: ${figure} ${reference}`,
    );
  }
  assert.equal(actual.histogram.edges[0], wanted.min);
  assert.equal(actual.histogram.edges.at(-1), wanted.max);
  // A value within rounding of an edge may be counted on either side of it.
  const moved = actual.histogram.counts.map((count, bin) => Math.abs(count - (wanted.counts[bin] ?? 0)));
  assert.ok(Math.max(...moved) <= 1, moved.join(' '));
  assert.equal(
    actual.histogram.counts.reduce((sum, count) => sum + count, 0),
    values.length,
  );
}

test('a tensor has its statistics and those of its task vector', async () => {
  const detail = await client.value('deltalens/tensor', {
    path: vit('rot90'),
    tensor: QUERY,
    base: vit('base'),
    bins: 20,
  });
  const tuned = valuesOf(vit('rot90'), QUERY);
  const base = valuesOf(vit('base'), QUERY);
  assert.deepEqual([detail.dtype, detail.shape], ['F32', [64, 64]]);
  assertStatistics(detail.statistics, tuned, 20);
  assertStatistics(
    detail.delta,
    tuned.map((x, index) => x - (base[index] ?? Number.NaN)),
    20,
  );
});

test('the task vector of an adapter is that of the base tensor it changes: s·B·A', async () => {
  const module = 'model.layers.1.self_attn.q_proj';
  const adapter = charlm('lora', 'json-r8', 'adapter_model.safetensors');
  const detail = await client.value('deltalens/tensor', {
    path: adapter,
    tensor: `${module}.weight`,
    base: charlm('base', 'model.safetensors'),
    bins: 16,
  });
  const a = valuesOf(adapter, `base_model.model.${module}.lora_A.weight`);
  const b = valuesOf(adapter, `base_model.model.${module}.lora_B.weight`);
  const [rank, size] = [8, 128];
  const product = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? 0) * (a[k * size + column] ?? 0);
      product[row * size + column] = (16 / rank) * sum;
    }
  }
  assertStatistics(detail.delta, product, 16);
  assert.equal(detail.statisticsOf, 'base');
});

test('NaN and infinities of a tensor are counted, placed and kept out of its statistics', async () => {
  const values = [1, Number.NaN, 3, Infinity, -Infinity, 5];
  const file = writeTensors(path.join(folder, 'odd.safetensors'), { x: { shape: [2, 3], values } });
  const { statistics } = await client.value('deltalens/tensor', { path: file, tensor: 'x', bins: 2 });
  const { nan, inf, nonFinite, mean, min, max, histogram } = statistics;
  assert.deepEqual({ nan, inf, mean, min, max }, { nan: 1, inf: 2, mean: 3, min: 1, max: 5 });
  assert.deepEqual(nonFinite, [
    { position: [0, 1], value: 'NaN' },
    { position: [1, 0], value: '+Inf' },
    { position: [1, 1], value: '-Inf' },
  ]);
  assert.deepEqual(histogram, { edges: [1, 3, 5], counts: [1, 2] });
});

test('a tensor without a finite value has no histogram, and one of equal values has one', async () => {
  const file = writeTensors(path.join(folder, 'equal.safetensors'), {
    equal: { shape: [3], values: [2, 2, 2] },
    empty: { shape: [0] },
    lost: { shape: [1], values: [Number.NaN] },
  });
  const statisticsOf = async (tensor: string) =>
    (await client.value('deltalens/tensor', { path: file, tensor, bins: 4 })).statistics;
  for (const tensor of ['empty', 'lost']) {
    const { histogram, mean, min, l2 } = await statisticsOf(tensor);
    assert.deepEqual({ histogram, mean, min, l2 }, { histogram: null, mean: null, min: null, l2: null });
  }
  assert.deepEqual((await statisticsOf('equal')).histogram, {
    edges: [1.5, 1.75, 2, 2.25, 2.5],
    counts: [0, 0, 3, 0],
  });
});

test('a tensor that does not exist is a problem that names it', async () => {
  const result = await client.request('deltalens/tensor', { path: vit('base'), tensor: 'no.such.tensor' });
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'tensor-unknown');
  assert.match(result.problem.message, /no\.such\.tensor/);
});

test('the workspace is shown as families, the base first, then fine-tunes, then adapters', async () => {
  const { families, studies, truncated } = await client.value('deltalens/explore', { roots: [samples] });
  assert.equal(truncated, false);
  assert.ok(Array.isArray(studies));
  const outline = families.map(({ title, entries }) => [
    title,
    entries.map(({ name, kind }) => [name, kind]),
  ]);
  assert.deepEqual(outline, [
    [
      'charlm',
      [
        ['base', 'base'],
        ['arith', 'fine-tune'],
        ['json', 'fine-tune'],
        ['checkpoint-50', 'fine-tune'],
        ['checkpoint-200', 'fine-tune'],
        ['checkpoint-350', 'fine-tune'],
        ['json-r8', 'adapter'],
        ['python-rslora-r16', 'adapter'],
      ],
    ],
    [
      'moe-toy',
      [
        ['base', 'base'],
        ['arith', 'fine-tune'],
      ],
    ],
    [
      'vit-digits',
      [
        ['base', 'base'],
        ['invert', 'fine-tune'],
        ['rot90', 'fine-tune'],
        ['vflip', 'fine-tune'],
      ],
    ],
  ]);
  const [base] = families[2]?.entries ?? [];
  assert.deepEqual([base?.parameters, base?.dtypes, base?.path], [203_850, ['F32'], vit('base')]);
});

test('looking through a workspace survives loops of links, skips installed packages, and lists what cannot be read', async () => {
  const root = path.join(folder, 'looped');
  writeTensors(path.join(root, 'a', 'model.safetensors'), { x: { shape: [1] } });
  writeTensors(path.join(root, 'node_modules', 'b', 'model.safetensors'), { x: { shape: [1] } });
  writeText(path.join(root, 'c', 'model.safetensors'), 'not a checkpoint');
  writeText(path.join(root, 'study', 'mine.study.yaml'), 'base: ../a\n');
  fs.symlinkSync(root, path.join(root, 'a', 'loop'));
  const { families, studies } = await client.value('deltalens/explore', { roots: [root] });
  const entries = families.flatMap((family) => family.entries);
  assert.deepEqual(entries.map((entry) => path.relative(root, entry.path)).sort(), [
    'a/model.safetensors',
    'c/model.safetensors',
  ]);
  assert.match(entries.find((entry) => entry.path.includes('/c/'))?.problem ?? '', /c\/model\.safetensors/);
  assert.deepEqual(
    studies.map(({ name }) => name),
    ['mine'],
  );
});

test('a sharded model is one entry, and its shards are none', async () => {
  const root = path.join(folder, 'sharded');
  const shard = (number: number) => `model-0000${String(number)}-of-00002.safetensors`;
  writeHole(path.join(root, shard(1)), { a: { shape: [1024, 1024] } });
  writeHole(path.join(root, shard(2)), { b: { shape: [1024, 1024] } });
  const index = writeText(
    path.join(root, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: { a: shard(1), b: shard(2) } }),
  );
  const { families } = await client.value('deltalens/explore', { roots: [root] });
  const entries = families.flatMap((family) => family.entries);
  assert.deepEqual(
    entries.map((entry) => [entry.path, entry.tensors]),
    [[index, 2]],
  );
  const view = await client.value('deltalens/inspect', { path: path.join(root, shard(1)), roots: [root] });
  assert.deepEqual(view.shardOf, { indexPath: index, shards: 2 });
});

test('a checkpoint is described by its header: columns of equal length, sums that add up, the architecture', async () => {
  const view = await client.value('deltalens/inspect', { path: vit('base'), roots: [samples] });
  assert.deepEqual(
    [view.kind, view.name, view.parameters, view.tensorCount],
    ['checkpoint', 'base', 203_850, 104],
  );
  assert.match(view.architecture ?? '', /vit/i);
  for (const column of Object.values(view.tensors)) assert.equal((column as unknown[]).length, 104);
  const total = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);
  assert.equal(total(view.tensors.parameters), view.parameters);
  assert.equal(total(view.modules.map((module) => module.parameters)), view.parameters);
  const at = view.tensors.name.indexOf(QUERY);
  assert.equal(view.tensors.module[at], 'attention.query');
  const bytes = fs.readFileSync(vit('base'));
  assert.equal(bytes.readFloatLE(view.tensors.offset[at]), valuesOf(vit('base'), QUERY)[0]);
});

test('an adapter is described as an adapter, with its scale and its base', async () => {
  const file = charlm('lora', 'python-rslora-r16', 'adapter_model.safetensors');
  const view = await client.value('deltalens/inspect', { path: file, roots: [samples] });
  assert.equal(view.kind, 'adapter');
  const { adapter } = view;
  // rsLoRA: alpha / √r = 16 / 4
  assert.deepEqual([adapter?.kind, adapter?.rank, adapter?.scale], ['rsLoRA', '16', '4']);
});

test('an adapter beside a base opens as the file that was asked for', async () => {
  const root = path.join(folder, 'beside');
  writeTensors(path.join(root, 'model.safetensors'), { 'q.weight': { shape: [4, 4] } });
  writeTensors(path.join(root, 'adapter_model.safetensors'), {
    'base_model.model.q.lora_A.weight': { shape: [2, 4] },
    'base_model.model.q.lora_B.weight': { shape: [4, 2] },
  });
  writeText(
    path.join(root, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 2, target_modules: ['q'] }),
  );
  const kindOf = async (name: string) =>
    (await client.value('deltalens/inspect', { path: path.join(root, name), roots: [root] })).kind;
  assert.equal(await kindOf('adapter_model.safetensors'), 'adapter');
  assert.equal(await kindOf('model.safetensors'), 'checkpoint');
});

test('an adapter without its configuration still shows its tensors, placed where the base has them', async () => {
  const root = path.join(folder, 'alone');
  const file = writeTensors(path.join(root, 'adapter_model.safetensors'), {
    'base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight': { shape: [2, 4] },
    'base_model.model.model.layers.3.self_attn.q_proj.lora_B.weight': { shape: [4, 2] },
  });
  const view = await client.value('deltalens/inspect', { path: file, roots: [root] });
  assert.equal(view.tensorCount, 2);
  assert.deepEqual(view.tensors.layer, ['model.layers.3', 'model.layers.3']);
  assert.deepEqual(view.tensors.module, ['attention.query', 'attention.query']);
  assert.deepEqual(
    view.findings.map(({ code, severity }) => [code, severity]),
    [['adapter-scale-assumed', 'warning']],
  );
});

test('below a checkpoint stand its layers in network order, below a layer its modules, below a module its tensors', async () => {
  const layers = await client.value('deltalens/places', { path: vit('base') });
  assert.deepEqual(
    layers.map(({ label }) => label),
    ['input', ...Array.from({ length: 6 }, (_, index) => `layer ${String(index)}`), 'output'],
  );
  const layer = layers[3]?.key ?? '';
  const modules = await client.value('deltalens/places', { path: vit('base'), layer });
  assert.equal(
    modules.reduce((sum, node) => sum + node.parameters, 0),
    layers[3]?.parameters,
  );
  const tensors = await client.value('deltalens/places', {
    path: vit('base'),
    layer,
    module: 'attention.query',
  });
  assert.deepEqual(tensors.map(({ key }) => key).sort(), [QUERY.replace('weight', 'bias'), QUERY]);
});

test('a selection becomes a study with the base found by its name or by what an adapter names', async () => {
  const tuned = await client.value('deltalens/makeStudy', {
    paths: [vit('rot90'), vit('base'), vit('invert')],
    roots: [samples],
  });
  assert.equal(tuned.base, vit('base'));
  assert.deepEqual(
    tuned.tasks.map(({ name }) => name),
    ['rot90', 'invert'],
  );
  const adapter = charlm('lora', 'json-r8', 'adapter_model.safetensors');
  const study = await client.value('deltalens/makeStudy', { paths: [adapter], roots: [samples] });
  assert.equal(study.base, charlm('base'));
});

test('a study file is read with its paths made absolute, and a broken one names the place', async () => {
  const good = writeText(path.join(folder, 'good.study.yaml'), 'name: n\nbase: base\ntasks:\n  a: tuned\n');
  assert.deepEqual(await client.value('deltalens/readStudy', { path: good }), {
    name: 'n',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'a', path: path.join(folder, 'tuned') }],
    file: good,
  });
  const bad = writeText(path.join(folder, 'bad.study.yaml'), 'base: [\n');
  const result = await client.request('deltalens/readStudy', { path: bad });
  assert.ok(!result.ok);
  assert.match(result.problem.message, /bad\.study\.yaml, line/);
});

test('lenses and formats are described from their registries', async () => {
  const lenses = await client.value('deltalens/lenses', {});
  for (const id of ['summary', 'delta-profile', 'task-similarity']) {
    assert.ok(lenses.some((lens) => lens.id === id));
  }
  const formats = await client.value('deltalens/formats', {});
  assert.ok(formats.some(({ endings }) => endings.includes('.safetensors')));
});

test('onnxruntime is packaged so that the compute process can load it', async () => {
  const { onnxruntime } = await client.value('deltalens/runtime', {});
  assert.match(onnxruntime, /^\d+\.\d+/);
});
