import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { RankChoice, ResizeAction } from '../../src/protocol/write';
import { temporaryFolder, writeAdapter } from '../model/write-safetensors';
import { ask, deltasOf, distance, hasZoo, newPlace, opened, rowsOf, written, ZOO } from './writing';

const LORA = 'samples/charlm/lora/json-r8';
const PEFT = path.resolve(
  __dirname,
  '../../../shared/realdata/huggingface+peft/hist-28fe1f1e/tests/regression',
);
const of = (adapter: string, choice: RankChoice, more: Partial<ResizeAction> = {}): ResizeAction => ({
  kind: 'resize',
  path: path.resolve(adapter),
  base: null,
  choice,
  dtype: 'keep',
  ...more,
});

test('the reported error of every module is that of what was written', async () => {
  const { report, output } = await written(of(LORA, { by: 'rank', rank: 3 }));
  const [before, after] = [await deltasOf(LORA), await deltasOf(output)];
  const rows = rowsOf(report, 'modules');
  assert.equal(rows.length, 28);
  for (const { module, rank, rank_before, error } of rows) {
    assert.deepEqual([rank, rank_before], [3, 8]);
    const name = `${String(module)}.weight`;
    const measured = distance(after.get(name) ?? new Float64Array(), before.get(name) ?? new Float64Array());
    assert.ok(Math.abs(measured - Number(error)) < 1e-6, `${name}: ${String(measured)} ${String(error)}`);
  }
});

test('errors follow from the singular values of the reference', async (t) => {
  if (!hasZoo) return t.skip('the zoo is not here');
  const adapter = path.join(ZOO, 'charlm/lora/json-r8');
  const dry = await ask(of(adapter, { by: 'rank', rank: 2 }), newPlace(), true);
  assert.ok(dry.ok);
  const { spectra } = JSON.parse(fs.readFileSync(path.join(ZOO, 'reference/charlm/lora.json'), 'utf8')) as {
    spectra: Record<string, { modules: Record<string, { singular_values: number[] }> }>;
  };
  for (const { module, error } of rowsOf(dry.value, 'modules')) {
    const squares = (spectra['json-r8']?.modules[String(module)]?.singular_values ?? []).map((s) => s * s);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const expected = Math.sqrt(sum(squares.slice(2)) / sum(squares));
    assert.ok(Math.abs(Number(error) - expected) < 1e-6, String(module));
  }
});

test('the smallest rank that keeps the energy is taken module by module, and the configuration says each', async () => {
  const { report, output, checkpoint } = await written(of(LORA, { by: 'energy', energy: 0.9, most: null }));
  const rows = rowsOf(report, 'modules');
  const ranks = new Set(rows.map(({ rank }) => rank));
  assert.ok(ranks.size > 1, 'one rank for all modules shows nothing');
  const [before, after] = [await deltasOf(LORA), await deltasOf(output)];
  for (const { module, rank, energy } of rows) {
    assert.ok(Number(energy) >= 0.9);
    const name = `${String(module)}.weight`;
    // Read by the configuration's patterns, the scale is 1.
    const error = distance(after.get(name) ?? new Float64Array(), before.get(name) ?? new Float64Array());
    assert.ok(Math.abs(1 - error ** 2 - Number(energy)) < 1e-6, name);
    const a = checkpoint.tensors.find(
      (each) => each.name === `base_model.model.${String(module)}.lora_A.weight`,
    );
    assert.equal(a?.span.shape[0], rank);
  }
  const config = JSON.parse(fs.readFileSync(path.join(output, 'adapter_config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  assert.deepEqual(config['rank_pattern'], config['alpha_pattern']);
  assert.equal(config['r'], config['lora_alpha']);
  assert.equal(config['task_type'], 'CAUSAL_LM');
  const led = path.resolve(output, String(config['base_model_name_or_path']));
  assert.equal(fs.realpathSync(led), path.resolve('samples/charlm/base'));
});

test('an error bound is kept, and one rank less would break it', async () => {
  const bounded = await ask(of(LORA, { by: 'error', error: 0.2, most: null }), newPlace(), true);
  assert.ok(bounded.ok);
  for (const { module, rank, error } of rowsOf(bounded.value, 'modules')) {
    assert.ok(Number(error) <= 0.2);
    if (rank === 1) continue;
    const less = await ask(of(LORA, { by: 'rank', rank: Number(rank) - 1 }), newPlace(), true);
    assert.ok(less.ok);
    const row = rowsOf(less.value, 'modules').find((each) => each['module'] === module);
    assert.ok(Number(row?.['error']) > 0.2);
    break;
  }
});

test('a rank that is too small for the energy asked for is told', async () => {
  const dry = await ask(of(LORA, { by: 'energy', energy: 0.99, most: 2 }), newPlace(), true);
  assert.ok(dry.ok);
  assert.deepEqual(dry.value.findings.map(({ code }) => code), ['rank-not-reached']); // prettier-ignore
});

for (const name of ['lora_mlp', 'lora_conv2d', 'lora_emb_conv1d']) {
  test(`${name} of PEFT's own tests at its full rank has the names, types, dimensions and changes that PEFT wrote`, async (t) => {
    const adapter = path.join(PEFT, name, '0.6.1');
    if (!fs.existsSync(adapter)) return t.skip('the real files are not here');
    const { checkpoint, output } = await written(of(adapter, { by: 'rank', rank: 64 }));
    const known = await opened(adapter);
    // The rank of a matrix is at most its shorter side, whatever an adapter says.
    const shapes = (tensors: typeof known.tensors) =>
      tensors.map(({ name: each, span }) => `${each} ${span.dtype} ${String(span.shape.length)}`).sort();
    assert.deepEqual(shapes(checkpoint.tensors), shapes(known.tensors));
    const [before, after] = [await deltasOf(adapter), await deltasOf(output)];
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    for (const [module, delta] of before) {
      if (delta.every((value) => value === 0)) assert.ok(after.get(module)?.every((value) => value === 0));
      else assert.ok(distance(after.get(module) ?? new Float64Array(), delta) < 1e-6, module);
    }
  });
}

test('what is no product of factors is refused by name', async () => {
  const folder = writeAdapter(path.join(temporaryFolder(), 'dora'), { use_dora: true }, {
    'base_model.model.layers.0.q_proj.lora_A.weight': { shape: [2, 4], values: [1, 2, 3] },
    'base_model.model.layers.0.q_proj.lora_B.weight': { shape: [4, 2], values: [1, -1] },
    'base_model.model.layers.0.q_proj.lora_magnitude_vector': { shape: [4], values: [1] },
  }); // prettier-ignore
  const result = await ask(of(folder, { by: 'rank', rank: 1 }), newPlace(), true);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'module-not-lora');
  assert.match(result.problem.message, /layers\.0\.q_proj changes as DoRA does/);
});

test('a file is no place for an adapter with a configuration', async () => {
  const result = await ask(of(LORA, { by: 'rank', rank: 1 }), newPlace('.safetensors'), true);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'output-kind');
});
