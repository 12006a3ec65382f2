import assert from 'node:assert/strict';
import { test } from 'node:test';
import { architectureFrom, type Architecture } from '../../src/model/architecture';
import {
  attentionLayout,
  keyValueHeadOf,
  type AttentionBlock,
  type AttentionLayout,
} from '../../src/model/attention';
import { headMatrix, type HeadPart } from '../../src/model/head-part';
import type { Dense } from '../../src/tensor/linear/dense';
import { fakeCheckpoint } from './fake-checkpoint';

const NOT_SET = { heads: 0, keyValueHeads: 0 };

function config(fields: Readonly<Record<string, unknown>>): Architecture {
  const { architecture } = architectureFrom(fields, '/m/config.json');
  assert.ok(architecture);
  return architecture;
}

function layoutOf(
  shapes: Readonly<Record<string, readonly number[]>>,
  architecture: Architecture | null,
  split = NOT_SET,
): AttentionLayout {
  const layout = attentionLayout(fakeCheckpoint(shapes), architecture, split);
  assert.ok(layout.ok, layout.ok ? '' : layout.problem.message);
  return layout.value;
}

function only(layout: AttentionLayout): AttentionBlock {
  const [block] = layout.blocks;
  assert.ok(block && layout.blocks.length === 1);
  return block;
}

/** A stored matrix whose entry at row r, column c is 100 · r + c. */
function numbered(rows: number, columns: number): Dense {
  const values = Float64Array.from(
    { length: rows * columns },
    (_, at) => 100 * Math.floor(at / columns) + (at % columns),
  );
  return { rows, columns, values };
}

function firstOutputs(part: HeadPart): readonly number[] {
  assert.equal(part.axis, 'out');
  return part.starts;
}

test('separate projections are cut into heads; key and value heads follow from the shapes', () => {
  const at = 'model.layers.3.self_attn';
  const block = only(
    layoutOf(
      {
        [`${at}.q_proj.weight`]: [8, 6],
        [`${at}.k_proj.weight`]: [4, 6],
        [`${at}.k_proj.bias`]: [4],
        [`${at}.v_proj.weight`]: [4, 6],
        [`${at}.o_proj.weight`]: [6, 8],
      },
      config({ num_attention_heads: 4, num_key_value_heads: 2 }),
    ),
  );
  assert.deepEqual([block.label, block.layer, block.kind], ['layer 3', 'model.layers.3', 'self']);
  assert.deepEqual([block.heads, block.keyValueHeads, block.headSize], [4, 2, 2]);
  assert.deepEqual([0, 1, 2, 3].map((head) => keyValueHeadOf(block, head)), [0, 0, 1, 1]);
  const query = headMatrix(block.query, 3, numbered(8, 6));
  assert.deepEqual([query.rows, query.columns, query.values[0], query.values.at(-1)], [2, 6, 600, 705]);
  assert.ok(block.output);
  const output = headMatrix(block.output, 1, numbered(6, 8));
  assert.deepEqual([output.rows, output.columns, ...output.values.slice(0, 3)], [6, 2, 2, 3, 102]);
}); // prettier-ignore

test('the Conv1D weights of GPT-2 are turned: columns hold query, key and value', () => {
  const shapes = { 'h.0.attn.c_attn.weight': [4, 12], 'h.0.attn.c_proj.weight': [4, 4], 'h.0.attn.bias': [1, 1, 9, 9] };
  const block = only(layoutOf(shapes, config({ model_type: 'gpt2', n_head: 2 })));
  assert.deepEqual(firstOutputs(block.key), [4, 6]);
  const stored = numbered(4, 12);
  const value = headMatrix(block.value, 1, stored);
  assert.deepEqual([value.rows, value.columns], [2, 4]);
  assert.deepEqual([...value.values], [10, 110, 210, 310, 11, 111, 211, 311]);
  assert.ok(block.output);
  // Stored inputs × outputs: rows 2 and 3 are what head 1 puts in.
  assert.deepEqual([...headMatrix(block.output, 1, numbered(4, 4)).values], [200, 300, 201, 301, 202, 302, 203, 303]);
}); // prettier-ignore

/** First rows of query, key and value, as the code of each model cuts them; heads of two rows, hidden size 8 unless said. */
const FUSED: Readonly<
  Record<string, { at: string; rows: number; config: Record<string, unknown>; query: number[]; key: number[]; value: number[] }>
> = {
  'GPT-NeoX: head by head': {
    at: 'gpt_neox.layers.0.attention.query_key_value', rows: 24, config: { num_attention_heads: 4 },
    query: [0, 6, 12, 18], key: [2, 8, 14, 20], value: [4, 10, 16, 22],
  },
  'BLOOM: head by head': {
    at: 'h.0.self_attention.query_key_value', rows: 24, config: { n_head: 4, model_type: 'bloom' },
    query: [0, 6, 12, 18], key: [2, 8, 14, 20], value: [4, 10, 16, 22],
  },
  'Falcon 7B: one key for all': {
    at: 'transformer.h.0.self_attention.query_key_value', rows: 12, config: { num_attention_heads: 4, multi_query: true },
    query: [0, 2, 4, 6], key: [8], value: [10],
  },
  'Falcon 40B: group by group': {
    at: 'transformer.h.0.self_attention.query_key_value', rows: 16,
    config: { num_attention_heads: 4, num_kv_heads: 2, multi_query: true, new_decoder_architecture: true },
    query: [0, 2, 8, 10], key: [4, 12], value: [6, 14],
  },
  'InternLM2: group by group': {
    at: 'model.layers.0.attention.wqkv', rows: 16, config: { num_attention_heads: 4, num_key_value_heads: 2 },
    query: [0, 2, 8, 10], key: [4, 12], value: [6, 14],
  },
  'ChatGLM3: queries, keys, values': {
    at: 'transformer.encoder.layers.0.self_attention.query_key_value', rows: 16,
    config: { num_attention_heads: 4, multi_query_attention: true, multi_query_group_num: 2, model_type: 'chatglm' },
    query: [0, 2, 4, 6], key: [8, 10], value: [12, 14],
  },
  'Phi-3: queries, keys, values': {
    at: 'model.layers.0.self_attn.qkv_proj', rows: 16, config: { num_attention_heads: 4, num_key_value_heads: 2 },
    query: [0, 2, 4, 6], key: [8, 10], value: [12, 14],
  },
  'MPT: queries, keys, values': {
    at: 'transformer.blocks.0.attn.Wqkv', rows: 24, config: { n_heads: 4 },
    query: [0, 2, 4, 6], key: [8, 10, 12, 14], value: [16, 18, 20, 22],
  },
  'CodeGen: four parts of queries, values, keys': {
    at: 'transformer.h.0.attn.qkv_proj', rows: 48, config: { n_head: 8 },
    query: [0, 2, 12, 14, 24, 26, 36, 38], value: [4, 6, 16, 18, 28, 30, 40, 42], key: [8, 10, 20, 22, 32, 34, 44, 46],
  },
  'timm: queries, keys, values': {
    at: 'blocks.0.attn.qkv', rows: 24, config: { num_heads: 4 },
    query: [0, 2, 4, 6], key: [8, 10, 12, 14], value: [16, 18, 20, 22],
  },
}; // prettier-ignore

for (const [title, expected] of Object.entries(FUSED)) {
  test(`cuts the fused rows of ${title}`, () => {
    const hidden = 2 * expected.query.length;
    const output = expected.at.replace(/[^.]*$/, 'dense');
    const shapes = {
      [`${expected.at}.weight`]: [expected.rows, hidden],
      [`${output}.weight`]: [hidden, hidden],
    };
    const block = only(layoutOf(shapes, config(expected.config)));
    assert.equal(block.headSize, 2);
    assert.deepEqual(firstOutputs(block.query), expected.query);
    assert.deepEqual(firstOutputs(block.key), expected.key);
    assert.deepEqual(firstOutputs(block.value), expected.value);
  });
}

test('the parts of CLIP as OpenAI stores it are found without a configuration once the heads are set', () => {
  const at = 'visual.transformer.resblocks.0.attn';
  const shapes = { [`${at}.in_proj_weight`]: [12, 4], [`${at}.in_proj_bias`]: [12], [`${at}.out_proj.weight`]: [4, 4] };
  const layout = layoutOf(shapes, null, { heads: 2, keyValueHeads: 0 });
  assert.match(layout.source, /parameter/);
  assert.deepEqual(firstOutputs(only(layout).value), [8, 10]);
}); // prettier-ignore

test('encoder, decoder and cross-attention stand apart, in network order', () => {
  const shapes: Record<string, readonly number[]> = {};
  for (const name of ['q', 'k', 'v', 'o']) {
    shapes[`decoder.block.0.layer.1.EncDecAttention.${name}.weight`] = [4, 4];
    shapes[`decoder.block.0.layer.0.SelfAttention.${name}.weight`] = [4, 4];
    shapes[`encoder.block.0.layer.0.SelfAttention.${name}.weight`] = [4, 4];
  }
  const { blocks } = layoutOf(shapes, config({ num_heads: 2, d_kv: 2, num_decoder_layers: 1 }));
  assert.deepEqual(
    blocks.map(({ label }) => label),
    ['encoder 0', 'decoder 0', 'decoder 0 cross-attention'],
  );
});

test('attentions of BERT, ViT and a U-Net each keep their four projections together', () => {
  const four = (names: readonly string[]) => Object.fromEntries(names.map((name) => [`${name}.weight`, [4, 4]]));
  const bert = 'bert.encoder.layer.0.attention';
  const vit = 'vit.encoder.layer.0.attention';
  const unet = 'down_blocks.0.attentions.1.transformer_blocks.0';
  for (const [names, labels] of [
    [[`${bert}.self.query`, `${bert}.self.key`, `${bert}.self.value`, `${bert}.output.dense`], ['layer 0']],
    [[`${vit}.attention.query`, `${vit}.attention.key`, `${vit}.attention.value`, `${vit}.output.dense`], ['layer 0']],
    [
      ['attn1', 'attn2'].flatMap((attn) => ['to_q', 'to_k', 'to_v', 'to_out.0'].map((part) => `${unet}.${attn}.${part}`)),
      ['down 0', 'down 0 cross-attention'],
    ],
  ] as const) {
    const { blocks } = layoutOf(four(names), config({ num_attention_heads: 2 }));
    assert.deepEqual(blocks.map(({ label }) => label), labels);
    for (const { output } of blocks) assert.ok(output);
  }
}); // prettier-ignore

test('the number of heads is asked for where nothing says it', () => {
  const shapes = Object.fromEntries(
    ['q', 'k', 'v', 'o'].map((part) => [`h.0.attn.${part}_proj.weight`, [4, 4]]),
  );
  const unknown = attentionLayout(fakeCheckpoint(shapes), null, NOT_SET);
  assert.ok(!unknown.ok);
  assert.equal(unknown.problem.code, 'head-split-unknown');
  assert.match(unknown.problem.message, /layer 0.*config\.json/);
  assert.match(unknown.problem.action, /"heads"/);
  const silent = attentionLayout(fakeCheckpoint(shapes), config({ model_type: 'new' }), NOT_SET);
  assert.ok(!silent.ok && silent.problem.code === 'head-split-unknown');
  const wrong = attentionLayout(fakeCheckpoint(shapes), null, { heads: 3, keyValueHeads: 0 });
  assert.ok(!wrong.ok && wrong.problem.message.includes('h.0.attn.q_proj.weight'));
  const none = attentionLayout(fakeCheckpoint({ 'fc.weight': [4, 4] }), null, NOT_SET);
  assert.ok(!none.ok && none.problem.code === 'attention-missing');
});

test('attention that does not fit what config.json says is left out with the reason, the rest stays', () => {
  const shapes = Object.fromEntries(
    ['q', 'k', 'v', 'o'].flatMap((part) => [
      [`model.layers.0.self_attn.${part}_proj.weight`, [4, 4]],
      [`model.layers.1.self_attn.${part}_proj.weight`, [6, 6]],
    ]),
  );
  const layout = layoutOf(shapes, config({ num_attention_heads: 2, head_dim: 2 }));
  assert.equal(only(layout).label, 'layer 0');
  assert.deepEqual(
    layout.skipped.map(({ label }) => label),
    ['layer 1'],
  );
  assert.match(layout.skipped[0]?.reason ?? '', /heads of 3.*2 as config\.json says/);
});
