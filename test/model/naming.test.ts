import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { compareNatural, networkOrder, placeOf } from '../../src/model/naming';
import { MODULES } from '../../src/model/modules';
import { NAMING_RULES } from '../../src/model/naming/rules';

/** Tensor → layer, heatmap row, module; real names of the architectures in the headings. */
const PLACES: Readonly<Record<string, readonly (readonly [string, string, string, string])[]>> = {
  'Llama, Mistral, Qwen': [
    ['model.embed_tokens.weight', '(other)', 'input', 'embedding.token'],
    ['model.layers.11.self_attn.q_proj.weight', 'model.layers.11', 'model.layers.11', 'attention.query'],
    ['model.layers.11.self_attn.k_proj.bias', 'model.layers.11', 'model.layers.11', 'attention.key'],
    ['model.layers.11.self_attn.q_norm.weight', 'model.layers.11', 'model.layers.11', 'norm.query'],
    ['model.layers.11.self_attn.o_proj.weight', 'model.layers.11', 'model.layers.11', 'attention.output'],
    ['model.layers.11.input_layernorm.weight', 'model.layers.11', 'model.layers.11', 'norm.attention'],
    ['model.layers.11.post_attention_layernorm.weight', 'model.layers.11', 'model.layers.11', 'norm.mlp'],
    ['model.layers.11.mlp.gate_proj.weight', 'model.layers.11', 'model.layers.11', 'mlp.gate'],
    ['model.norm.weight', '(other)', 'output', 'norm.final'],
    ['lm_head.weight', '(other)', 'output', 'head'],
  ],
  Gemma: [
    ['model.layers.0.pre_feedforward_layernorm.weight', 'model.layers.0', 'model.layers.0', 'norm.mlp.pre'],
    ['model.layers.0.post_feedforward_layernorm.weight', 'model.layers.0', 'model.layers.0', 'norm.mlp.post'],
  ],
  'Mixtral, Qwen-MoE, DeepSeek': [
    ['model.layers.1.block_sparse_moe.gate.weight', 'model.layers.1', 'model.layers.1', 'router'],
    ['model.layers.1.block_sparse_moe.experts.7.w2.weight', 'model.layers.1', 'model.layers.1', 'expert.down'],
    ['model.layers.1.mlp.gate.weight', 'model.layers.1', 'model.layers.1', 'router'],
    ['model.layers.1.mlp.experts.63.up_proj.weight', 'model.layers.1', 'model.layers.1', 'expert.up'],
    ['model.layers.1.mlp.shared_expert.gate_proj.weight', 'model.layers.1', 'model.layers.1', 'shared-expert.gate'],
    ['model.layers.1.mlp.shared_expert_gate.weight', 'model.layers.1', 'model.layers.1', 'shared-expert.router'],
    ['model.layers.1.mlp.shared_experts.down_proj.weight', 'model.layers.1', 'model.layers.1', 'shared-expert.down'],
    ['model.layers.1.self_attn.kv_a_proj_with_mqa.weight', 'model.layers.1', 'model.layers.1', 'attention.key-value'],
    ['model.layers.1.mlp.experts.gate_up_proj', 'model.layers.1', 'model.layers.1', 'expert.gate-up'],
  ],
  'GPT-2': [
    ['wte.weight', '(other)', 'input', 'embedding.token'],
    ['transformer.wpe.weight', '(other)', 'input', 'embedding.position'],
    ['h.0.ln_1.weight', 'h.0', 'h.0', 'norm.attention'],
    ['h.0.attn.c_attn.weight', 'h.0', 'h.0', 'attention.qkv'],
    ['h.0.attn.c_proj.bias', 'h.0', 'h.0', 'attention.output'],
    ['h.0.attn.bias', 'h.0', 'h.0', 'attention.mask'],
    ['h.0.mlp.c_fc.weight', 'h.0', 'h.0', 'mlp.up'],
    ['h.0.mlp.c_proj.weight', 'h.0', 'h.0', 'mlp.down'],
    ['ln_f.weight', '(other)', 'output', 'norm.final'],
  ],
  'GPT-NeoX, Pythia': [
    ['gpt_neox.embed_in.weight', '(other)', 'input', 'embedding.token'],
    ['gpt_neox.layers.5.attention.query_key_value.weight', 'gpt_neox.layers.5', 'gpt_neox.layers.5', 'attention.qkv'],
    ['gpt_neox.layers.5.attention.dense.weight', 'gpt_neox.layers.5', 'gpt_neox.layers.5', 'attention.output'],
    ['gpt_neox.layers.5.attention.rotary_emb.inv_freq', 'gpt_neox.layers.5', 'gpt_neox.layers.5', 'attention.position'],
    ['gpt_neox.layers.5.mlp.dense_4h_to_h.weight', 'gpt_neox.layers.5', 'gpt_neox.layers.5', 'mlp.down'],
    ['gpt_neox.final_layer_norm.weight', '(other)', 'output', 'norm.final'],
    ['embed_out.weight', '(other)', 'output', 'head'],
  ],
  'BERT, RoBERTa': [
    ['bert.embeddings.word_embeddings.weight', '(other)', 'input', 'embedding.token'],
    ['bert.embeddings.token_type_embeddings.weight', '(other)', 'input', 'embedding.type'],
    ['roberta.embeddings.LayerNorm.weight', '(other)', 'input', 'norm.embedding'],
    ['bert.encoder.layer.2.attention.self.query.weight', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'attention.query'],
    ['bert.encoder.layer.2.attention.output.dense.weight', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'attention.output'],
    ['bert.encoder.layer.2.attention.output.LayerNorm.gamma', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'norm.attention'],
    ['bert.encoder.layer.2.intermediate.dense.weight', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'mlp.up'],
    ['bert.encoder.layer.2.output.dense.weight', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'mlp.down'],
    ['bert.encoder.layer.2.output.LayerNorm.weight', 'bert.encoder.layer.2', 'bert.encoder.layer.2', 'norm.mlp'],
    ['bert.pooler.dense.weight', '(other)', 'output', 'pooler'],
    ['cls.predictions.transform.dense.weight', '(other)', 'output', 'head'],
  ],
  'ViT, timm': [
    ['vit.embeddings.cls_token', '(other)', 'input', 'embedding.class'],
    ['vit.embeddings.patch_embeddings.projection.weight', '(other)', 'input', 'embedding.patch'],
    ['vit.encoder.layer.3.layernorm_before.bias', 'vit.encoder.layer.3', 'vit.encoder.layer.3', 'norm.attention'],
    ['vit.layernorm.weight', '(other)', 'output', 'norm.final'],
    ['blocks.3.attn.qkv.weight', 'blocks.3', 'blocks.3', 'attention.qkv'],
    ['blocks.3.attn.proj.weight', 'blocks.3', 'blocks.3', 'attention.output'],
    ['blocks.3.norm2.weight', 'blocks.3', 'blocks.3', 'norm.mlp'],
    ['patch_embed.proj.weight', '(other)', 'input', 'embedding.patch'],
    ['head.weight', '(other)', 'output', 'head'],
  ],
  CLIP: [
    ['vision_model.embeddings.class_embedding', '(other)', 'input', 'embedding.class'],
    ['vision_model.pre_layrnorm.weight', '(other)', 'input', 'norm.embedding'],
    ['text_model.encoder.layers.4.mlp.fc1.weight', 'text_model.encoder.layers.4', 'text_model.encoder.layers.4', 'mlp.up'],
    ['visual.transformer.resblocks.4.attn.in_proj_weight', 'visual.transformer.resblocks.4', 'visual.transformer.resblocks.4', 'attention.qkv'],
    ['logit_scale', '(other)', 'output', 'head'],
  ],
  T5: [
    ['shared.weight', '(other)', 'input', 'embedding.token'],
    ['encoder.block.0.layer.0.SelfAttention.q.weight', 'encoder.block.0', 'encoder.block.0', 'attention.query'],
    ['encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', 'encoder.block.0', 'encoder.block.0', 'attention.position'],
    ['encoder.block.0.layer.1.layer_norm.weight', 'encoder.block.0', 'encoder.block.0', 'norm.mlp'],
    ['encoder.block.0.layer.1.DenseReluDense.wi_0.weight', 'encoder.block.0', 'encoder.block.0', 'mlp.gate'],
    ['decoder.block.0.layer.1.EncDecAttention.k.weight', 'decoder.block.0', 'decoder.block.0', 'cross-attention.key'],
    ['decoder.block.0.layer.1.layer_norm.weight', 'decoder.block.0', 'decoder.block.0', 'norm.cross-attention'],
    ['decoder.block.0.layer.2.layer_norm.weight', 'decoder.block.0', 'decoder.block.0', 'norm.mlp'],
    ['decoder.final_layer_norm.weight', '(other)', 'output', 'norm.final'],
  ],
  'Whisper, BART': [
    ['model.encoder.conv1.weight', '(other)', 'input', 'embedding.audio'],
    ['model.encoder.embed_positions.weight', '(other)', 'input', 'embedding.position'],
    ['model.decoder.layers.3.encoder_attn.v_proj.weight', 'model.decoder.layers.3', 'model.decoder.layers.3', 'cross-attention.value'],
    ['model.decoder.layers.3.encoder_attn_layer_norm.weight', 'model.decoder.layers.3', 'model.decoder.layers.3', 'norm.cross-attention'],
    ['model.decoder.layers.3.final_layer_norm.weight', 'model.decoder.layers.3', 'model.decoder.layers.3', 'norm.mlp'],
    ['model.decoder.layernorm_embedding.weight', '(other)', 'input', 'norm.embedding'],
  ],
  'ResNet and other convolutional networks': [
    ['conv1.weight', '(other)', 'stage 1', 'convolution'],
    ['bn1.running_var', '(other)', 'stage 1', 'norm'],
    ['layer2.0.conv1.weight', 'layer2.0', 'layer2.0', 'convolution.1'],
    ['layer2.0.bn3.num_batches_tracked', 'layer2.0', 'layer2.0', 'norm.3'],
    ['layer2.0.downsample.0.weight', 'layer2.0', 'layer2.0', 'convolution.shortcut'],
    ['layer2.0.downsample.1.bias', 'layer2.0', 'layer2.0', 'norm.shortcut'],
    ['fc.weight', '(other)', 'output', 'head'],
    ['features.denseblock1.denselayer2.conv1.weight', '(other)', 'features.denseblock1', 'convolution.1'],
  ],
  'U-Net of a diffusion model': [
    ['conv_in.weight', '(other)', 'input', 'convolution'],
    ['time_embedding.linear_1.weight', '(other)', 'input', 'embedding.time'],
    ['down_blocks.1.resnets.0.norm2.weight', 'down_blocks.1', 'down_blocks.1', 'norm.2'],
    ['down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight', 'down_blocks.1', 'down_blocks.1', 'attention.query'],
    ['down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight', 'down_blocks.1', 'down_blocks.1', 'cross-attention.key'],
    ['down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0.weight', 'down_blocks.1', 'down_blocks.1', 'cross-attention.output'],
    ['up_blocks.2.upsamplers.0.conv.weight', 'up_blocks.2', 'up_blocks.2', 'convolution.resample'],
    ['conv_out.weight', '(other)', 'output', 'convolution'],
  ],
  'Adapters and wrappers': [
    ['base_model.model.model.layers.0.mlp.up_proj.lora_A.weight', 'model.layers.0', 'model.layers.0', 'mlp.up'],
    ['base_model.model.model.layers.0.self_attn.v_proj.lora_B.default.weight', 'model.layers.0', 'model.layers.0', 'attention.value'],
    ['base_model.model.lm_head.modules_to_save.default.weight', '(other)', 'output', 'head'],
    ['_orig_mod.model.norm.weight', '(other)', 'output', 'norm.final'],
    ['module.model.layers.0.mlp.down_proj.weight', 'module.model.layers.0', 'module.model.layers.0', 'mlp.down'],
  ],
  'Names nobody has a rule for': [
    ['model.layers.0.mystery.weight', 'model.layers.0', 'model.layers.0', 'other'],
    ['model.layers.0.special_attn.thing.weight', 'model.layers.0', 'model.layers.0', 'other'],
    ['model.layers.0.attn.thing.weight', 'model.layers.0', 'model.layers.0', 'attention'],
    ['model.layers.0.strange_norm.weight', 'model.layers.0', 'model.layers.0', 'norm'],
    ['something', '(other)', '(other)', 'other'],
  ],
}; // prettier-ignore

for (const [architecture, places] of Object.entries(PLACES)) {
  test(`places the tensors of ${architecture}`, () => {
    for (const [tensor, layer, row, module] of places) {
      const place = placeOf(tensor);
      assert.deepEqual([tensor, place.layer, place.row, place.module], [tensor, layer, row, module]);
    }
  });
}

test('knows the expert', () => {
  assert.equal(placeOf('model.layers.1.mlp.experts.63.up_proj.weight').expert, 63);
  assert.equal(placeOf('model.layers.1.mlp.up_proj.weight').expert, undefined);
});

test('labels layers by number, and by part where there are several', () => {
  const label = (tensor: string) => placeOf(tensor).layerLabel;
  assert.equal(label('model.layers.7.mlp.up_proj.weight'), 'layer 7');
  assert.equal(label('vit.encoder.layer.7.output.dense.weight'), 'layer 7');
  assert.equal(label('encoder.block.7.layer.0.SelfAttention.q.weight'), 'encoder 7');
  assert.equal(label('decoder.block.7.layer.0.SelfAttention.q.weight'), 'decoder 7');
  assert.equal(label('vision_model.encoder.layers.7.mlp.fc1.weight'), 'vision 7');
  assert.equal(label('layer2.1.conv1.weight'), 'layer2.1');
  assert.equal(label('lm_head.weight'), 'output');
});

test('a layer is the name up to its first numeric part, whatever the name', () => {
  const part = fc.oneof(fc.stringMatching(/^[a-zA-Z_0-9]{0,6}$/), fc.nat(200).map(String));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const name = parts.join('.');
      const match = /^(?:[^.]*[^.\d][^.]*\.|\.)*?\d+(?=\.|$)/.exec(name);
      assert.equal(placeOf(name).layer, match ? match[0] : '(other)');
    }),
  );
});

test('every module that a rule names has a role and a place among the columns', () => {
  const known = new Set(MODULES.map(({ module }) => module));
  assert.deepEqual(
    NAMING_RULES.map(({ module }) => module).filter((module) => !known.has(module)),
    [],
  );
  assert.equal(known.size, MODULES.length);
});

test('network order runs from the embeddings through encoder and decoder to the head', () => {
  const names = [
    'lm_head.weight',
    'decoder.block.0.layer.0.SelfAttention.q.weight',
    'encoder.block.10.layer.0.SelfAttention.q.weight',
    'encoder.block.2.layer.1.DenseReluDense.wo.weight',
    'encoder.block.2.layer.0.SelfAttention.q.weight',
    'shared.weight',
  ];
  assert.deepEqual(networkOrder(names), [...names].reverse());
});

test('network order keeps every name', () => {
  const names = Object.values(PLACES).flatMap((places) => places.map(([tensor]) => tensor));
  fc.assert(
    fc.property(fc.shuffledSubarray(names), (some) => {
      assert.deepEqual([...networkOrder(some)].sort(), [...some].sort());
    }),
  );
});

test('numbers in names are ordered by value', () => {
  const names = ['a10', 'a9', 'b', 'a', 'a9b', 'a09', 'a1000000000000000000001', 'a1000000000000000000000'];
  assert.deepEqual([...names].sort(compareNatural), [
    'a', 'a9', 'a09', 'a9b', 'a10', 'a1000000000000000000000', 'a1000000000000000000001', 'b',
  ]); // prettier-ignore
});

test('natural order is a total order', () => {
  const name = fc.stringMatching(/^[ab.0-9]{0,8}$/);
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      assert.equal(Math.sign(compareNatural(a, b)) + Math.sign(compareNatural(b, a)), 0);
      assert.equal(compareNatural(a, b) === 0, a === b);
      if (compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0) assert.ok(compareNatural(a, c) <= 0);
    }),
    { numRuns: 2000 },
  );
});
