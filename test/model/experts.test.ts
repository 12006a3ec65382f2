import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expertLayers, type ExpertLayer } from '../../src/model/experts';
import { fakeCheckpoint } from './fake-checkpoint';

function only(shapes: Readonly<Record<string, readonly number[]>>): ExpertLayer {
  const layers = expertLayers(fakeCheckpoint(shapes).tensors);
  const [layer] = layers;
  assert.ok(layer && layers.length === 1);
  return layer;
}

/** Part, first element, shape and orientation of each weight of an expert. */
function weightsOf(layer: ExpertLayer, number: number): unknown[] {
  const expert = layer.experts[number];
  assert.ok(expert);
  return expert.weights.map(({ part, span, entry, stored }) => [
    part,
    (span.offset - entry.span.offset) / 4,
    span.shape,
    stored,
  ]);
}

test('the experts of Mixtral stand one by one, the router beside them', () => {
  const at = 'model.layers.1.block_sparse_moe';
  const layer = only({
    [`${at}.experts.10.w1.weight`]: [3, 2],
    [`${at}.experts.2.w2.weight`]: [2, 3],
    [`${at}.experts.2.w1.weight`]: [3, 2],
    [`${at}.experts.2.w3.weight`]: [3, 2],
    [`${at}.gate.weight`]: [2, 2],
  });
  assert.deepEqual([layer.label, layer.container, layer.router?.name], ['layer 1', at, `${at}.gate.weight`]);
  assert.deepEqual(
    layer.experts.map(({ number }) => number),
    [2, 10],
  );
  assert.deepEqual(
    layer.experts[0]?.weights.map(({ part }) => part),
    ['gate', 'up', 'down'],
  );
});

test('shared experts stand apart, their own gate is no router', () => {
  const at = 'model.layers.0.mlp';
  const layer = only({
    [`${at}.experts.0.gate_proj.weight`]: [3, 2],
    [`${at}.shared_expert.gate_proj.weight`]: [6, 2],
    [`${at}.shared_expert_gate.weight`]: [1, 2],
    [`${at}.gate.weight`]: [1, 2],
    'model.layers.1.mlp.gate_proj.weight': [3, 2],
  });
  assert.equal(layer.router?.name, `${at}.gate.weight`);
  assert.deepEqual(
    layer.shared.map(({ label, weights }) => [label, weights.length]),
    [['shared expert', 1]],
  );
});

test('stacked experts are cut out of their tensor, whichever way round they are stored', () => {
  const granite = only({
    'model.layers.0.block_sparse_moe.input_linear.weight': [4, 6, 2],
    'model.layers.0.block_sparse_moe.output_linear.weight': [4, 2, 3],
    'model.layers.0.block_sparse_moe.router.layer.weight': [4, 2],
  });
  assert.deepEqual(weightsOf(granite, 3), [
    ['gate-up', 36, [6, 2], 'out-in'],
    ['down', 18, [2, 3], 'out-in'],
  ]);
  const llama4 = only({
    'language_model.model.layers.0.feed_forward.experts.gate_up_proj': [4, 2, 6],
    'language_model.model.layers.0.feed_forward.experts.down_proj': [4, 3, 2],
    'language_model.model.layers.0.feed_forward.router.weight': [4, 2],
  });
  assert.deepEqual(weightsOf(llama4, 1), [
    ['gate-up', 12, [2, 6], 'in-out'],
    ['down', 6, [3, 2], 'in-out'],
  ]);
  assert.equal(llama4.gateUp, 'halves');
  const dbrx = only({
    'transformer.blocks.0.ffn.experts.mlp.w1': [12, 2],
    'transformer.blocks.0.ffn.experts.mlp.v1': [12, 2],
    'transformer.blocks.0.ffn.experts.mlp.w2': [12, 2],
    'transformer.blocks.0.ffn.router.layer.weight': [4, 2],
  });
  assert.deepEqual(weightsOf(dbrx, 2), [
    ['gate', 12, [3, 2], 'out-in'],
    ['up', 12, [3, 2], 'out-in'],
    ['down', 12, [3, 2], 'in-out'],
  ]);
});

test('gpt-oss interleaves gate and up', () => {
  const layer = only({
    'model.layers.0.mlp.experts.gate_up_proj': [4, 2, 6],
    'model.layers.0.mlp.experts.gate_up_proj_bias': [4, 6],
    'model.layers.0.mlp.experts.down_proj': [4, 3, 2],
    'model.layers.0.mlp.router.weight': [4, 2],
  });
  assert.equal(layer.gateUp, 'interleaved');
  assert.equal(layer.experts.length, 4);
});

test('a dense network has no experts', () => {
  const shapes = { 'model.layers.0.mlp.gate_proj.weight': [3, 2], 'model.layers.0.mlp.gate.weight': [3, 2] };
  assert.deepEqual(expertLayers(fakeCheckpoint(shapes).tensors), []);
});
