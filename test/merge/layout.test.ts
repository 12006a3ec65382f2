import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { LayoutAction, WriteAction, WrittenLayout } from '../../src/protocol/write';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { ask, bytesOf, deltasOf, hasZoo, newPlace, opened, written, ZOO } from './writing';

const LORA = 'samples/charlm/lora/json-r8';
const BASE = 'samples/charlm/base';
const REAL = path.resolve(__dirname, '../../../shared/realdata');
const of = (adapter: string, layout: WrittenLayout, base: string | null = null): LayoutAction => ({
  kind: 'layout',
  path: path.resolve(adapter),
  base: base === null ? null : path.resolve(base),
  layout,
});

/** An example of every kind of name that a layout has. */
const EXAMPLES: Record<Exclude<WrittenLayout, 'peft'>, readonly string[]> = {
  kohya: ['lora_down.weight', 'lora_up.weight', 'alpha'].map(
    (end) => `lora_unet_model_layers_0_self_attn_q_proj.${end}`,
  ),
  diffusers: ['lora_A.weight', 'lora_B.weight'].map((end) => `unet.model.layers.0.self_attn.q_proj.${end}`),
  mlx: ['lora_a', 'lora_b'].map((end) => `model.layers.0.self_attn.q_proj.${end}`),
};

for (const layout of ['kohya', 'diffusers', 'mlx'] as const) {
  const adapters = [LORA, path.join(ZOO, 'charlm/lora/python-rslora-r16')];
  for (const adapter of adapters) {
    test(`${path.basename(adapter)} to ${layout} and back has every factor bit by bit and the same change`, async (t) => {
      if (adapter !== LORA && !hasZoo) return t.skip('the zoo is not here');
      const there = await written(of(adapter, layout));
      const names = there.checkpoint.tensors.map(({ name }) => name);
      for (const name of EXAMPLES[layout]) assert.ok(names.includes(name), name);
      assert.deepEqual(await deltasOf(there.output, BASE), await deltasOf(adapter, BASE));
      const back = await written(of(there.output, 'peft', BASE));
      const original = await opened(adapter);
      const sorted = (tensors: typeof original.tensors) => tensors.map(({ name }) => name).sort();
      assert.deepEqual(sorted(back.checkpoint.tensors), sorted(original.tensors));
      for (const { name } of original.tensors)
        assert.deepEqual(await bytesOf(back.checkpoint, name), await bytesOf(original, name), name);
      assert.deepEqual(await deltasOf(back.output, BASE), await deltasOf(adapter, BASE));
    });
  }
}

test('names with underscores need the base to become names with dots', async () => {
  const { output } = await written(of(LORA, 'kohya'), '.safetensors');
  const result = await ask(of(output, 'peft'), newPlace(), true);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'module-name-unknown');
  assert.match(result.problem.action, /--base/);
});

test('what a layout has no place for is refused, and named', async () => {
  const folder = temporaryFolder();
  const factors = (module: string, rank: number) => ({
    [`base_model.model.${module}.lora_A.weight`]: { shape: [rank, 4], values: [1, 2, 3] },
    [`base_model.model.${module}.lora_B.weight`]: { shape: [4, rank], values: [1, -1] },
  });
  const uneven = writeAdapter(
    path.join(folder, 'uneven'),
    { r: 2, rank_pattern: { k_proj: 1 } },
    { ...factors('layers.0.q_proj', 2), ...factors('layers.0.k_proj', 1) },
  );
  const saved = writeAdapter(
    path.join(folder, 'saved'),
    { modules_to_save: ['head'] },
    { ...factors('layers.0.q_proj', 2), 'base_model.model.head.weight': { shape: [2, 4] } },
  );
  for (const [adapter, layout, says] of [
    [uneven, 'mlx', /mlx-lm has one of each/],
    [saved, 'kohya', /head\.weight is saved whole/],
  ] as const) {
    const result = await ask(of(adapter, layout), newPlace(), true);
    assert.ok(!result.ok);
    assert.equal(result.problem.code, 'layout-has-no-place');
    assert.match(result.problem.message, says);
  }
  // With alphas by module kohya has a place for mixed ranks.
  const mixed = await written(of(uneven, 'kohya'));
  assert.equal(mixed.checkpoint.tensors.length, 6);
});

test('an adapter of several models of a pipeline is not poured into one of a single model', async () => {
  const factors = (module: string) => ({
    [`${module}.lora_A.weight`]: { shape: [2, 4], values: [1, 2, 3] },
    [`${module}.lora_B.weight`]: { shape: [4, 2], values: [1, -1] },
  });
  const pipeline = writeSafetensors(path.join(temporaryFolder(), 'style.safetensors'), {
    ...factors('unet.mid.to_q'),
    ...factors('text_encoder.layers.0.q_proj'),
  });
  const resize: WriteAction = {
    kind: 'resize', path: pipeline, base: null, choice: { by: 'rank', rank: 1 }, dtype: 'keep',
  }; // prettier-ignore
  for (const action of [of(pipeline, 'peft'), of(pipeline, 'mlx'), resize]) {
    const result = await ask(action, newPlace(), true);
    assert.ok(!result.ok);
    assert.equal(result.problem.code, 'layout-has-no-place');
    assert.match(result.problem.message, /several models \(text_encoder, unet\)/);
  }
  const kohya = await written(of(pipeline, 'kohya'));
  const names = kohya.checkpoint.tensors.map(({ name }) => name.replace(/\..*/, ''));
  assert.deepEqual([...new Set(names)].sort(), ['lora_te_layers_0_q_proj', 'lora_unet_mid_to_q']);
});

test('names that PEFT itself wrote are written again as they are', async (t) => {
  const adapter = path.join(REAL, 'huggingface+peft/hist-28fe1f1e/tests/regression/lora_emb_conv1d/0.6.1');
  if (!fs.existsSync(adapter)) return t.skip('the real files are not here');
  const { checkpoint } = await written(of(adapter, 'peft'));
  const known = await opened(adapter);
  const sorted = (tensors: typeof known.tensors) => tensors.map(({ name }) => name).sort();
  assert.deepEqual(sorted(checkpoint.tensors), sorted(known.tensors));
  for (const { name } of known.tensors)
    assert.deepEqual(await bytesOf(checkpoint, name), await bytesOf(known, name), name);
});
