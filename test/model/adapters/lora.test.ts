// One product under every naming: the numbers are the same, so what comes out must be.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { openAdapter } from '../../../src/model/open-adapter';
import { assertClose, codesOf, deltaOf, matrix, studyOf, times, turned, written, type Case } from './build';
import { temporaryFolder, writeSafetensors } from '../write-safetensors';
import { openStudy } from '../../../src/model/open-study';

const Q = 'text_model.encoder.layers.0.self_attn.q_proj';
const [A, B] = [matrix(2, 6, 1), matrix(4, 2, 2)];
const base = { [`${Q}.weight`]: written(matrix(4, 6, 3)), [`${Q}.bias`]: written(matrix(1, 4, 4), [4]) };
const alpha = (value: number) => ({ shape: [], values: [value] });
const flat = Q.replaceAll('.', '_');

/** What the same factors are called, and the scale that follows. */
const NAMINGS: Readonly<Record<string, Omit<Case, 'base'> & { readonly scale: number }>> = {
  PEFT: {
    adapter: {
      [`base_model.model.${Q}.lora_A.weight`]: written(A),
      [`base_model.model.${Q}.lora_B.weight`]: written(B),
    },
    config: { peft_type: 'LORA', r: 2, lora_alpha: 6 },
    scale: 3,
  },
  'PEFT, compiled, with the name of the adapter': {
    adapter: {
      [`base_model.model._orig_mod.${Q}.lora_A.default.weight`]: written(A),
      [`base_model.model._orig_mod.${Q}.lora_B.default.weight`]: written(B),
    },
    config: { peft_type: 'LORA', r: 2, lora_alpha: 6, use_rslora: true },
    scale: 6 / Math.sqrt(2),
  },
  loralib: {
    adapter: { [`module.${Q}.lora_A`]: written(A), [`module.${Q}.lora_B`]: written(B) },
    scale: 1,
  },
  'kohya with alpha': {
    adapter: {
      [`lora_te_${flat}.lora_down.weight`]: written(A),
      [`lora_te_${flat}.lora_up.weight`]: written(B),
      [`lora_te_${flat}.alpha`]: alpha(1),
    },
    scale: 0.5,
  },
  'kohya without alpha: it is the rank': {
    adapter: {
      [`lora_te1_${flat}.lora_down.weight`]: written(A),
      [`lora_te1_${flat}.lora_up.weight`]: written(B),
    },
    scale: 1,
  },
  'diffusers, old': {
    adapter: {
      'text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight': written(A),
      'text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight': written(B),
    },
    scale: 1,
  },
  'diffusers, in between': {
    adapter: {
      [`text_encoder.${Q}.lora_linear_layer.down.weight`]: written(A),
      [`text_encoder.${Q}.lora_linear_layer.up.weight`]: written(B),
    },
    scale: 1,
  },
  'diffusers, new, with its metadata': {
    adapter: {
      [`text_encoder.${Q}.lora_A.weight`]: written(A),
      [`text_encoder.${Q}.lora_B.weight`]: written(B),
    },
    metadata: {
      lora_adapter_metadata: JSON.stringify({ 'text_encoder.r': 2, 'text_encoder.lora_alpha': 8 }),
    },
    scale: 4,
  },
  'MLX, transposed': {
    adapter: { [`${Q}.lora_a`]: written(turned(A)), [`${Q}.lora_b`]: written(turned(B)) },
    config: { fine_tune_type: 'lora', lora_parameters: { rank: 2, scale: 20 } },
    scale: 20,
  },
  GGUF: {
    adapter: { [`${Q}.weight.lora_a`]: written(A), [`${Q}.weight.lora_b`]: written(B) },
    metadata: { 'adapter.lora.alpha': '4' },
    scale: 2,
  },
};

for (const [naming, { scale, ...rest }] of Object.entries(NAMINGS)) {
  test(`takes the factors of a LoRA in the naming of ${naming}`, async () => {
    const study = await studyOf({ base, ...rest });
    const wanted = times(B, A)
      .flat()
      .map((value) => scale * value);
    assertClose(await deltaOf(study, `${Q}.weight`), wanted);
    assert.deepEqual(study.tasks[0]?.unplaced, []);
    const assumed = naming === 'loralib' ? ['adapter-scale-assumed'] : [];
    assert.deepEqual(codesOf(study), assumed);
  });
}

test('attention processors of a U-Net in the old naming of diffusers are placed at its layers', async () => {
  const to = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1';
  const study = await studyOf({
    base: { [`${to}.to_out.0.weight`]: written(matrix(4, 6, 3)) },
    adapter: {
      [`unet.${to}.processor.to_out_lora.down.weight`]: written(A),
      [`unet.${to}.processor.to_out_lora.up.weight`]: written(B),
    },
  });
  assertClose(await deltaOf(study, `${to}.to_out.0.weight`), times(B, A).flat());
});

test('the factors of a convolution are a product over its unrolled kernel', async () => {
  const [down, up] = [matrix(2, 3 * 9, 1), matrix(4, 2, 2)];
  const study = await studyOf({
    base: { 'down_blocks.0.conv1.weight': { shape: [4, 3, 3, 3], values: matrix(4, 27, 3).flat() } },
    adapter: {
      'lora_unet_down_blocks_0_conv1.lora_down.weight': written(down, [2, 3, 3, 3]),
      'lora_unet_down_blocks_0_conv1.lora_up.weight': written(up, [4, 2, 1, 1]),
    },
  });
  assertClose(await deltaOf(study, 'down_blocks.0.conv1.weight'), times(up, down).flat());
});

test('a Tucker core is contracted with both factors, Σ up[o,p]·mid[p,q,k]·down[q,i]', async () => {
  const [down, up, mid] = [matrix(2, 3, 1), matrix(4, 2, 2), matrix(2, 2 * 4, 5)];
  const study = await studyOf({
    base: { 'c.weight': { shape: [4, 3, 2, 2], values: [0.5] } },
    adapter: {
      'lora_unet_c.lora_down.weight': written(down, [2, 3, 1, 1]),
      'lora_unet_c.lora_up.weight': written(up, [4, 2, 1, 1]),
      'lora_unet_c.lora_mid.weight': written(mid, [2, 2, 2, 2]),
    },
  });
  const wanted: number[] = [];
  for (let o = 0; o < 4; o++)
    for (let i = 0; i < 3; i++)
      for (let k = 0; k < 4; k++) {
        let sum = 0;
        for (let p = 0; p < 2; p++)
          for (let q = 0; q < 2; q++)
            sum += (up[o]?.[p] ?? NaN) * (mid[p]?.[q * 4 + k] ?? NaN) * (down[q]?.[i] ?? NaN);
        wanted.push(sum);
      }
  assertClose(await deltaOf(study, 'c.weight'), wanted);
});

test('a fused projection of loralib is block by block the product of its own factors', async () => {
  const [a, b] = [matrix(4, 5, 1), matrix(6, 2, 2)];
  const study = await studyOf({
    base: { 'attn.c_attn.weight': written(matrix(6, 5, 3)) },
    adapter: { 'attn.c_attn.lora_A': written(a), 'attn.c_attn.lora_B': written(b) },
  });
  const wanted = [...times(b.slice(0, 3), a.slice(0, 2)), ...times(b.slice(3), a.slice(2))].flat();
  assertClose(await deltaOf(study, 'attn.c_attn.weight'), wanted);
});

test('the bias of lora_B is added to the base’s bias, scaled', async () => {
  const study = await studyOf({
    base,
    adapter: {
      [`base_model.model.${Q}.lora_A.weight`]: written(A),
      [`base_model.model.${Q}.lora_B.weight`]: written(B),
      [`base_model.model.${Q}.lora_B.bias`]: { shape: [4], values: [1, 2, 3, 4] },
    },
    config: { peft_type: 'LORA', r: 2, lora_alpha: 4, lora_bias: true },
  });
  assertClose(await deltaOf(study, `${Q}.bias`), [2, 4, 6, 8]);
});

test('without a base, two text encoders with the same modules are told apart', async () => {
  const folder = temporaryFolder();
  const file = writeSafetensors(path.join(folder, 'style.safetensors'), {
    'lora_te1_l.lora_down.weight': written(A),
    'lora_te1_l.lora_up.weight': written(B),
    'lora_te2_l.lora_down.weight': written(A),
    'lora_te2_l.lora_up.weight': written(B),
  });
  const study = await openStudy({ name: 's', tasks: [{ name: 'style', path: file }] });
  assert.ok(study.ok);
  assert.deepEqual([...(study.value.tasks[0]?.deltas.keys() ?? [])], ['l.weight', 'text_encoder_2.l.weight']);
});

test('a missing module is named with the nearest one of the base', async () => {
  const study = await studyOf({
    base,
    adapter: {
      'lora_te_text_model_encoder_layers_0_self_attn_qproj.lora_down.weight': written(A),
      'lora_te_text_model_encoder_layers_0_self_attn_qproj.lora_up.weight': written(B),
    },
  });
  const [finding] = study.findings;
  assert.equal(finding?.code, 'adapter-module-not-in-base');
  assert.match(
    finding.message,
    /no module "text_model_encoder_layers_0_self_attn_qproj" of the text_encoder/,
  );
  assert.match(finding.message, new RegExp(`nearest "${Q.replaceAll('.', '\\.')}"`));
});

test('underscores that stand for several modules are not guessed at', async () => {
  const study = await studyOf({
    base: { 'a.b_c.weight': written(matrix(4, 6, 3)), 'a_b.c.weight': written(matrix(4, 6, 4)) },
    adapter: { 'lora_unet_a_b_c.lora_down.weight': written(A), 'lora_unet_a_b_c.lora_up.weight': written(B) },
  });
  assert.equal(study.tasks[0]?.deltas.size, 0);
  assert.match(study.findings[0]?.message ?? '', /several modules of the base .*a\.b_c, a_b\.c/);
});

test('an item of a list is placed where its shape alone decides, and that is said', async () => {
  const list = { 'unet:0:down': written(A), 'unet:0:up': written(B) };
  const placed = await studyOf({
    base: { 'x.weight': written(matrix(4, 6, 3)), 'y.weight': written(matrix(3, 6, 3)) },
    adapter: list,
  });
  assertClose(await deltaOf(placed, 'x.weight'), times(B, A).flat());
  assert.deepEqual(codesOf(placed), ['adapter-tensor-inferred']);
  const twice = await studyOf({
    base: { 'x.weight': written(matrix(4, 6, 3)), 'y.weight': written(matrix(4, 6, 3)) },
    adapter: list,
  });
  assert.equal(twice.tasks[0]?.deltas.size, 0);
  assert.match(twice.findings[0]?.message ?? '', /2 weights of the base and 1 of its items are 4x6/);
});

const REAL = path.resolve(import.meta.dirname, '../../../../shared/realdata');
const skip = existsSync(REAL) ? false : 'no real files beside the repository';

test('an adapter that mlx-lm wrote has the rank and scale of its configuration', { skip }, async () => {
  const opened = await openCheckpoint(path.join(REAL, 'ml-explore+mlx-lm/hist-d8f27a27/test_dpo_adapters'));
  assert.ok(opened.ok);
  const adapter = await openAdapter(opened.value);
  assert.ok(adapter.ok && adapter.value);
  const { layout, kind, targets, summary } = adapter.value;
  assert.deepEqual(
    [layout, kind, summary.rank, summary.scale, summary.baseName],
    ['MLX', 'LoRA', '8', '20', 'mlx-community/Qwen2.5-0.5B-Instruct-4bit'],
  );
  assert.deepEqual(targets.map(({ module, shape }) => [module, shape?.rows, shape?.columns]).slice(0, 2), [
    ['model.layers.22.self_attn.q_proj', 896, 896],
    ['model.layers.22.self_attn.v_proj', 128, 896],
  ]);
});

test('numbered lists of cloneofsimo are recognised, and not placed by guesswork', { skip }, async () => {
  const file = path.join(REAL, 'cloneofsimo+lora/example_loras/analog_svd_rank4.safetensors');
  const study = await openStudy({ name: 's', tasks: [{ name: 'analog', path: file }] });
  assert.ok(study.ok);
  assert.equal(study.value.tasks[0]?.deltas.size, 0);
  assert.equal(study.value.tasks[0]?.unplaced.length, 384);
  assert.match(study.value.findings[0]?.message ?? '', /numbers its modules and names none/);
});
