import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { BakeAction } from '../../src/protocol/write';
import { encode } from '../../src/tensor/encode';
import { floats, torchZipFile, type TorchTensor } from '../format/torch-files';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import {
  ask, bytesOf, distance, hasZoo, newPlace, opened, product, rowsOf, shapeOf, valuesOf, written, ZOO,
} from './writing'; // prettier-ignore

const of = (base: string, adapter: string, more: Partial<BakeAction> = {}): BakeAction => ({
  kind: 'bake',
  base: path.resolve(base),
  adapter: path.resolve(adapter),
  weight: 1,
  mostShardBytes: null,
  ...more,
});
const BASE = 'samples/charlm/base';
const LORA = 'samples/charlm/lora/json-r8';
const PREFIX = 'base_model.model.';

/** W + w·s·B·A in bfloat16, the slow way, for every module of an adapter of scale `scale`. */
async function slowly(base: string, lora: string, scale: number): Promise<Map<string, Uint8Array>> {
  const [weights, factors] = [await opened(base), await opened(lora)];
  const sums = new Map<string, Uint8Array>();
  for (const { name } of factors.tensors.filter((each) => each.name.endsWith('lora_A.weight'))) {
    const module = name.slice(PREFIX.length, -'.lora_A.weight'.length);
    const [rank = 0] = shapeOf(factors, name);
    const a = await valuesOf(factors, name);
    const b = await valuesOf(factors, name.replace('lora_A', 'lora_B'));
    const change = product(scale, b, a, rank);
    const before = await valuesOf(weights, `${module}.weight`);
    sums.set(`${module}.weight`, encode('BF16', before.map((value, at) => value + (change[at] ?? NaN)))); // prettier-ignore
  }
  return sums;
}

/** Values one rounding apart are as good as the same: sums in another order may fall on either side. */
function assertNear(x: Uint8Array, y: Uint8Array, name: string): void {
  const [a, b] = [new Int16Array(new Uint8Array(x).buffer), new Int16Array(new Uint8Array(y).buffer)];
  let apart = 0;
  for (let i = 0; i < b.length; i++) apart += Number(a[i] !== b[i]);
  assert.ok(apart <= b.length / 10_000, `${name}: ${String(apart)} of ${String(b.length)} differ`);
}

for (const [what, lora, scale] of [
  ['a LoRA', 'json-r8', 2],
  ['an rsLoRA, whose scale is alpha/√r,', 'python-rslora-r16', 4],
] as const) {
  test(`${what} baked into its base is W + s·B·A in the base’s type, and all else is as it was`, async (t) => {
    if (!hasZoo && lora !== 'json-r8') return t.skip('the zoo is not here');
    const folder = lora === 'json-r8' ? LORA : path.join(ZOO, 'charlm/lora', lora);
    const { checkpoint, report, output } = await written(of(BASE, folder));
    const expected = await slowly(BASE, folder, scale);
    const base = await opened(BASE);
    assert.equal(expected.size, 28);
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.dtype]),
      base.tensors.map(({ name, span }) => [name, span.dtype]),
    );
    for (const { name } of base.tensors) {
      const sum = expected.get(name);
      if (sum) assertNear(await bytesOf(checkpoint, name), sum, name);
      else assert.deepEqual(await bytesOf(checkpoint, name), await bytesOf(base, name), name);
    }
    assert.equal(rowsOf(report, 'changes').length, 28);
    assert.deepEqual(fs.readdirSync(output).sort(), ['config.json', 'model.safetensors']);
  });
}

test('a fine-tune baked half is halfway between, in float32', async () => {
  const [base, tuned] = ['samples/vit-digits/base', 'samples/vit-digits/rot90'];
  const { checkpoint } = await written(of(base, tuned, { weight: 0.5 }));
  const name = 'vit.encoder.layer.3.attention.attention.query.weight';
  const [before, after] = [
    await valuesOf(await opened(base), name),
    await valuesOf(await opened(tuned), name),
  ];
  const half = Float32Array.from(before, (value, at) => value + 0.5 * ((after[at] ?? NaN) - value));
  assert.deepEqual(Float32Array.from(await valuesOf(checkpoint, name)), half);
});

test('norms of the report are those of the reference', async (t) => {
  if (!hasZoo) return t.skip('the zoo is not here');
  const result = await ask(
    of(path.join(ZOO, 'charlm/base'), path.join(ZOO, 'charlm/lora/json-r8')),
    newPlace(),
    true,
  );
  assert.ok(result.ok);
  const reference = JSON.parse(fs.readFileSync(path.join(ZOO, 'reference/charlm/lora.json'), 'utf8')) as {
    spectra: Record<string, { modules: Record<string, { relative_norm: number }> }>;
  };
  const modules = reference.spectra['json-r8']?.modules ?? {};
  for (const row of rowsOf(result.value, 'changes')) {
    const known = modules[String(row['tensor']).replace(/\.weight$/, '')]?.relative_norm ?? NaN;
    assert.ok(Math.abs(Number(row['relative']) / known - 1) < 1e-6, String(row['tensor']));
  }
});

const folder = temporaryFolder();
/** A base of one 2 × 2 layer, and a rank-1 adapter of scale 1 with these factors. */
function pair(name: string, values: readonly number[], b: readonly number[]): BakeAction {
  const base = writeSafetensors(path.join(folder, name, 'model.safetensors'), {
    'layers.0.q_proj.weight': { shape: [2, 2], values },
    'layers.0.norm.weight': { shape: [2], values: [1] },
  });
  const adapter = writeAdapter(
    path.join(folder, `${name}-lora`),
    { r: 1, lora_alpha: 1 },
    {
      'base_model.model.layers.0.q_proj.lora_A.weight': { shape: [1, 2], values: [1, 1] },
      'base_model.model.layers.0.q_proj.lora_B.weight': { shape: [2, 1], values: b },
    },
  );
  return of(base, adapter);
}

test('a sum beyond the range is a finding in a dry run, and otherwise nothing is written', async () => {
  const action = pair('overflow', [3e38, 0, 0, 0], [3e38, 0]);
  const dry = await ask(action, newPlace(), true);
  assert.ok(dry.ok);
  const [finding] = dry.value.findings.filter(({ code }) => code === 'bake-not-finite');
  assert.equal(finding?.severity, 'error');
  assert.equal(finding.at, 'layers.0.q_proj.weight');
  assert.match(finding.message, /one sum is not finite as F32 \(entry 0: /);
  const output = newPlace();
  const failed = await ask(action, output);
  assert.ok(!failed.ok);
  assert.equal(failed.problem.code, 'bake-not-finite');
  assert.ok(!fs.existsSync(output));
});

test('a change that rounding swallows is told', async () => {
  const dry = await ask(pair('small', [1e6, 1e6, 1e6, 1e6], [1e-3, 1e-3]), newPlace(), true);
  assert.ok(dry.ok);
  const [finding] = dry.value.findings;
  assert.deepEqual([finding?.code, finding?.severity], ['bake-rounded-away', 'warning']);
  assert.equal(rowsOf(dry.value, 'changes')[0]?.['lost'], 1);
});

/** A torch file whose output head is its token embedding, 2 × 2, and an adapter of one of the two. */
function tiedPair(name: string, module: string): BakeAction {
  const both: TorchTensor = { key: '0', storage: 'FloatStorage', elements: 4, shape: [2, 2], stride: [2, 1] };
  const place = path.join(folder, name);
  fs.mkdirSync(place);
  const base = path.join(place, 'pytorch_model.bin');
  const dict = { dict: [['model.embed_tokens.weight', both], ['lm_head.weight', both]] as const }; // prettier-ignore
  fs.writeFileSync(base, torchZipFile(dict, { 0: floats(1, 2, 3, 4) }));
  const saved = { [`base_model.model.${module}.weight`]: { shape: [2, 2], values: [5, 6, 7, 8] } };
  const adapter = writeAdapter(path.join(folder, `${name}-lora`), { r: 1, modules_to_save: [module] }, saved);
  return of(base, adapter);
}

test('a head that changes and was its embedding is written apart; an embedding that changes takes its head along', async () => {
  for (const [name, module, expected] of [
    ['tied-head', 'lm_head', { 'lm_head.weight': [5, 6, 7, 8], 'model.embed_tokens.weight': [1, 2, 3, 4] }],
    ['tied-embedding', 'model.embed_tokens', { 'model.embed_tokens.weight': [5, 6, 7, 8] }],
  ] as const) {
    const { checkpoint, report } = await written(tiedPair(name, module));
    const found: Record<string, number[]> = {};
    for (const each of checkpoint.tensors) found[each.name] = [...(await valuesOf(checkpoint, each.name))];
    assert.deepEqual(found, expected);
    assert.ok(report.findings.some(({ code, at }) => code === 'bake-tied' && at === 'lm_head.weight'));
  }
});

test('an adapter of another model is refused: there is nothing to write', async () => {
  const result = await ask(of('samples/vit-digits/base', LORA), newPlace(), true);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'write-nothing');
});

test('distance of what was baked to the sum is within bfloat16', async () => {
  const { checkpoint } = await written(of(BASE, LORA, { weight: 2 }));
  const factors = await opened(LORA);
  const module = 'model.layers.1.mlp.up_proj';
  const a = await valuesOf(factors, `${PREFIX}${module}.lora_A.weight`);
  const b = await valuesOf(factors, `${PREFIX}${module}.lora_B.weight`);
  const before = await valuesOf(await opened(BASE), `${module}.weight`);
  const change = product(4, b, a, 8);
  const sum = before.map((value, at) => value + (change[at] ?? NaN));
  assert.ok(distance(await valuesOf(checkpoint, `${module}.weight`), sum) < 2 ** -8);
});
