import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { architectureFrom, stackOf, type Architecture } from '../../src/model/architecture';
import { openStudy } from '../../src/model/open-study';
import { readArchitecture } from '../../src/model/read-architecture';
import { temporaryFolder, writeSafetensors } from './write-safetensors';

function read(config: Readonly<Record<string, unknown>>): Architecture {
  const { architecture, findings } = architectureFrom(config, '/m/config.json');
  assert.ok(architecture);
  assert.deepEqual(findings, []);
  return architecture;
}

/** Heads, key/value heads, head size, hidden size, layers of the part of the network that holds a tensor. */
function split(architecture: Architecture, tensor = 'x'): (number | null)[] {
  const stack = stackOf(architecture, tensor);
  assert.ok(stack);
  return [stack.heads, stack.keyValueHeads, stack.headSize, stack.hiddenSize, stack.layers];
}

test('heads are found under the names that each family has for them', () => {
  const llama = { num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128, hidden_size: 4096, num_hidden_layers: 32 };
  assert.deepEqual(split(read({ model_type: 'llama', ...llama })), [32, 8, 128, 4096, 32]);
  assert.deepEqual(split(read({ model_type: 'gpt2', n_head: 12, n_embd: 768, n_layer: 12 })), [12, null, null, 768, 12]);
  assert.deepEqual(split(read({ model_type: 'distilbert', n_heads: 12, dim: 768, n_layers: 6 })), [12, null, null, 768, 6]);
  assert.deepEqual(
    split(read({ model_type: 'mpt', n_heads: 32, d_model: 4096, n_layers: 32, attn_config: { kv_n_heads: 4, alibi: true } })),
    [32, 4, null, 4096, 32],
  );
  assert.deepEqual(split(read({ dim: 4096, n_heads: 32, n_kv_heads: 8, n_layers: 32 })), [32, 8, null, 4096, 32]);
  const chatglm = { multi_query_attention: true, multi_query_group_num: 2, kv_channels: 128, num_layers: 28 };
  assert.deepEqual(
    split(read({ model_type: 'chatglm', num_attention_heads: 32, hidden_size: 4096, ...chatglm })),
    [32, 2, 128, 4096, 28],
  );
}); // prettier-ignore

test('Falcon and StarCoder have one key for all queries where they say "multi_query"', () => {
  const falcon = { model_type: 'falcon', num_attention_heads: 71, hidden_size: 4544 };
  assert.equal(split(read({ ...falcon, multi_query: true, new_decoder_architecture: false }))[1], 1);
  assert.equal(split(read({ ...falcon, multi_query: false }))[1], 71);
  assert.equal(
    split(read({ ...falcon, multi_query: true, new_decoder_architecture: true, num_kv_heads: 8 }))[1],
    8,
  );
  assert.equal(read({ model_type: 'gpt_bigcode', n_head: 16, multi_query: false }).fusedOrder, 'groups');
});

test('the parts of a composed model have their own heads', () => {
  const clip = read({
    model_type: 'clip',
    text_config: { num_attention_heads: 8, hidden_size: 512, num_hidden_layers: 12 },
    vision_config: { num_attention_heads: 12, hidden_size: 768, num_hidden_layers: 12 },
  });
  assert.equal(split(clip, 'vision_model.encoder.layers.0.self_attn.q_proj.weight')[0], 12);
  assert.equal(split(clip, 'text_model.encoder.layers.0.self_attn.q_proj.weight')[0], 8);
  const whisper = read({
    encoder_attention_heads: 6,
    decoder_attention_heads: 8,
    encoder_layers: 4,
    decoder_layers: 3,
    d_model: 384,
  });
  assert.deepEqual(split(whisper, 'model.encoder.layers.0.self_attn.q_proj.weight'), [6, null, null, 384, 4]);
  assert.deepEqual(split(whisper, 'model.decoder.layers.0.self_attn.q_proj.weight'), [8, null, null, 384, 3]);
  const t5 = read({ model_type: 't5', num_heads: 8, d_kv: 64, d_model: 512, num_layers: 6, num_decoder_layers: 6 });
  assert.deepEqual(split(t5, 'decoder.block.0.layer.0.SelfAttention.q.weight'), [8, null, 64, 512, 6]);
}); // prettier-ignore

test('networks of several stages have heads stage by stage', () => {
  const unet = read({
    _class_name: 'UNet2DConditionModel',
    attention_head_dim: [5, 10, 20, 20],
    down_block_types: ['a', 'b', 'c', 'd'],
  });
  assert.equal(split(unet, 'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight')[0], 10);
  assert.equal(split(unet, 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight')[0], 20);
  assert.equal(split(unet, 'up_blocks.3.attentions.0.transformer_blocks.0.attn1.to_q.weight')[0], 5);
  // Stable Diffusion 1: eight heads everywhere, under a name that means something else in other models.
  const first = read({
    _class_name: 'UNet2DConditionModel',
    attention_head_dim: 8,
    down_block_types: ['a'],
  });
  assert.deepEqual(split(first).slice(0, 3), [8, null, null]);
  const flux = read({
    _class_name: 'FluxTransformer2DModel',
    num_attention_heads: 24,
    attention_head_dim: 128,
  });
  assert.deepEqual(split(flux).slice(0, 3), [24, null, 128]);
  const swin = read({ model_type: 'swin', num_heads: [3, 6, 12, 24], embed_dim: 96 });
  assert.equal(split(swin, 'swin.encoder.layers.2.blocks.0.attention.self.query.weight')[0], 12);
});

test('says how tokens are placed, whether the head is tied, and how many experts there are', () => {
  const mixtral = read({ model_type: 'mixtral', num_local_experts: 8, num_experts_per_tok: 2, rope_theta: 1e6 });
  assert.deepEqual([mixtral.experts, mixtral.expertsPerToken, mixtral.positions], [8, 2, 'rotary']);
  const dbrx = read({ model_type: 'dbrx', ffn_config: { moe_num_experts: 16, moe_top_k: 4 } });
  assert.deepEqual([dbrx.experts, dbrx.expertsPerToken], [16, 4]);
  assert.equal(read({ model_type: 'bloom' }).positions, 'alibi');
  assert.equal(read({ model_type: 'falcon', alibi: true, rope_theta: 1e4 }).positions, 'alibi');
  assert.equal(read({ model_type: 'bert', position_embedding_type: 'relative_key' }).positions, 'relative');
  assert.equal(read({ tie_word_embeddings: true }).tiedEmbeddings, true);
  assert.equal(read({}).tiedEmbeddings, null);
  assert.equal(read({ architectures: ['LlamaForCausalLM'], model_type: 'llama' }).title, 'LlamaForCausalLM (llama)');
}); // prettier-ignore

test('a field of the wrong type is named and counts as missing', () => {
  const { architecture, findings } = architectureFrom(
    { num_attention_heads: '12', vision_config: { num_attention_heads: -1 } },
    '/m/config.json',
  );
  assert.ok(architecture);
  assert.equal(stackOf(architecture, 'x')?.heads, null);
  assert.deepEqual(
    findings.map(({ code, at }) => [code, at]),
    [
      ['model-config-field', 'vision_config.num_attention_heads'],
      ['model-config-field', 'num_attention_heads'],
    ],
  );
  assert.deepEqual(
    architectureFrom([], '/m/config.json').findings.map(({ code }) => code),
    ['model-config-invalid'],
  );
});

test('a study reads the configuration beside its base, else that of a task', async () => {
  const folder = temporaryFolder();
  const base = writeSafetensors(path.join(folder, 'base/model.safetensors'), { x: { shape: [2] } });
  const task = writeSafetensors(path.join(folder, 'task/model.safetensors'), { x: { shape: [2] } });
  const open = async () => {
    const study = await openStudy({ name: 's', base, tasks: [{ name: 't', path: task }] });
    assert.ok(study.ok);
    return study.value;
  };
  assert.equal((await open()).architecture, null);
  fs.writeFileSync(path.join(folder, 'task/config.json'), '{"model_type": "task", "_name_or_path": "../base"}');
  assert.equal((await open()).architecture?.modelType, 'task');
  assert.equal((await open()).architecture?.startedFrom, path.join(folder, 'base'));
  fs.writeFileSync(path.join(folder, 'base/config.json'), '{"model_type": "base"}');
  assert.equal((await open()).architecture?.modelType, 'base');
  fs.writeFileSync(path.join(folder, 'base/config.json'), '{"model_type": ');
  const broken = await open();
  assert.equal(broken.architecture?.modelType, 'task');
  assert.deepEqual(
    broken.findings.map(({ code }) => code),
    ['model-config-invalid'],
  );
  assert.deepEqual(await readArchitecture(path.join(folder, 'nowhere')), { architecture: null, findings: [] });
}); // prettier-ignore
