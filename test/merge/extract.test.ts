import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { ExtractAction } from '../../src/protocol/write';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { ask, bytesOf, deltasOf, distance, hasZoo, newPlace, opened, rowsOf, valuesOf, written, ZOO } from './writing'; // prettier-ignore

const BASE = 'samples/vit-digits/base';
const TUNED = 'samples/vit-digits/rot90';
const of = (more: Partial<ExtractAction> = {}): ExtractAction => ({
  kind: 'extract',
  base: path.resolve(BASE),
  path: path.resolve(TUNED),
  choice: { by: 'rank', rank: 4 },
  dtype: 'keep',
  saveRest: false,
  ...more,
});

async function tauOf(name: string): Promise<Float64Array> {
  const [base, tuned] = [await valuesOf(await opened(BASE), name), await valuesOf(await opened(TUNED), name)];
  return tuned.map((value, at) => value - (base[at] ?? NaN));
}

test('what was extracted is as far from the change of the fine-tune as reported', async () => {
  const { report, output } = await written(of());
  const after = await deltasOf(output, BASE);
  const rows = rowsOf(report, 'modules');
  assert.equal(rows.length, 36, 'six matrices in six layers');
  for (const { module, rank, error } of rows) {
    assert.equal(rank, 4);
    const name = `${String(module)}.weight`;
    const measured = distance(after.get(name) ?? new Float64Array(), await tauOf(name));
    assert.ok(Math.abs(measured - Number(error)) < 1e-5, `${name}: ${String(measured)} ${String(error)}`);
  }
});

test('errors follow from the singular values of the reference', async (t) => {
  const file = path.join(ZOO, 'reference/vit-digits/svd.json');
  if (!hasZoo) return t.skip('the zoo is not here');
  const text = fs.readFileSync(file, 'utf8');
  const dry = await ask(of({ choice: { by: 'rank', rank: 8 } }), newPlace(), true);
  assert.ok(dry.ok);
  const reference = JSON.parse(text) as Record<string, Record<string, { singular_values?: number[] }>>;
  const known = reference['rot90'] ?? {};
  let compared = 0;
  for (const { module, error } of rowsOf(dry.value, 'modules')) {
    const squares = known[`${String(module)}.weight`]?.singular_values?.map((value) => value ** 2);
    if (!squares) continue;
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    assert.ok(
      Math.abs(Number(error) - Math.sqrt(sum(squares.slice(8)) / sum(squares))) < 1e-6,
      String(module),
    );
    compared++;
  }
  assert.ok(compared >= 15, `${String(compared)} compared`);
});

test('ranks follow the energy of each matrix, and the whole of it at full rank is exact', async () => {
  const { report } = await written(of({ choice: { by: 'energy', energy: 0.8, most: 64 } }));
  const rows = rowsOf(report, 'modules');
  assert.ok(new Set(rows.map(({ rank }) => rank)).size > 3);
  assert.ok(rows.every(({ energy }) => Number(energy) >= 0.8));
  const full = await written(of({ choice: { by: 'rank', rank: 64 } }));
  const after = await deltasOf(full.output, BASE);
  for (const [name, delta] of after) assert.ok(distance(delta, await tauOf(name)) < 1e-6, name);
});

test('what has no place in factors is listed, and saved whole where asked for', async () => {
  const without = await ask(of(), newPlace(), true);
  assert.ok(without.ok);
  const rest = rowsOf(without.value, 'rest');
  assert.ok(rest.some(({ tensor, reason }) => tensor === 'vit.layernorm.weight' && reason === 'a vector'));
  assert.ok(rest.some(({ tensor }) => tensor === 'vit.embeddings.cls_token'));
  assert.ok(rest.every(({ saved }) => saved === false));
  assert.ok(without.value.findings.some(({ code }) => code === 'extract-left-out'));
  const { checkpoint, report, output } = await written(of({ saveRest: true }));
  const tuned = await opened(TUNED);
  for (const name of ['vit.layernorm.weight', 'vit.encoder.layer.0.output.dense.bias'])
    assert.deepEqual(await bytesOf(checkpoint, `base_model.model.${name}`), await bytesOf(tuned, name));
  const config = JSON.parse(fs.readFileSync(path.join(output, 'adapter_config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  assert.ok((config['modules_to_save'] as string[]).includes('vit.layernorm'));
  assert.equal(config['bias'], 'lora_only');
  const unsaved = rowsOf(report, 'rest').filter(({ saved }) => saved === false).map(({ tensor }) => tensor); // prettier-ignore
  assert.deepEqual(unsaved, ['vit.embeddings.cls_token', 'vit.embeddings.position_embeddings']);
  assert.ok(report.findings.some(({ code }) => code === 'extract-not-saved'));
});

test('what an adapter changes by factors is not saved whole with the values of the base', async () => {
  const folder = temporaryFolder();
  const base = writeSafetensors(path.join(folder, 'base', 'model.safetensors'), {
    'layers.0.q_proj.weight': { shape: [4, 4], values: [1, 2, 3] },
    'embed_tokens.weight': { shape: [6, 4], values: [1, -1] },
  });
  const adapter = writeAdapter(path.join(folder, 'lora'), { r: 1, lora_alpha: 1 }, {
    'base_model.model.layers.0.q_proj.lora_A.weight': { shape: [1, 4], values: [1] },
    'base_model.model.layers.0.q_proj.lora_B.weight': { shape: [4, 1], values: [1] },
    'base_model.model.embed_tokens.lora_embedding_A': { shape: [1, 6], values: [1] },
    'base_model.model.embed_tokens.lora_embedding_B': { shape: [4, 1], values: [1] },
  }); // prettier-ignore
  const { checkpoint, report } = await written(of({ base, path: adapter, saveRest: true }));
  assert.deepEqual(
    checkpoint.tensors.filter(({ name }) => name.includes('embed_tokens')),
    [],
  );
  assert.deepEqual(
    rowsOf(report, 'rest').map(({ tensor, saved }) => [tensor, saved]),
    [['embed_tokens.weight', false]],
  );
  const [finding] = report.findings.filter(({ at }) => at === 'embed_tokens.weight');
  assert.equal(finding?.code, 'extract-not-saved');
});

test('frozen layers give no factors, and names that stand for other modules too are written whole', async () => {
  const { output } = await written(of());
  const config = JSON.parse(fs.readFileSync(path.join(output, 'adapter_config.json'), 'utf8')) as {
    target_modules: string[];
  };
  assert.ok(config.target_modules.includes('query'));
  assert.ok(config.target_modules.includes('dense'));
  assert.ok(!config.target_modules.includes('classifier'), 'the classifier was frozen');
});

test('a base against itself has nothing to extract', async () => {
  const result = await ask(of({ path: path.resolve(BASE) }), newPlace(), true);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'write-nothing');
});
