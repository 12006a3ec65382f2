import assert from 'node:assert/strict';
import test from 'node:test';
import type { WeightMap } from '../../src/graph/bind/weight-map';
import { layerValues } from '../../src/graph/layer-values';
import type { OnnxNode } from '../../src/format/onnx/types';
import { prepareGraph } from '../../src/graph/prepare-graph';
import { got } from './got';
import { model, node, tensor, value } from './onnx/models';

/** A network whose initializers are the tensors of their names, all values being floats. */
function layersOf(nodes: readonly OnnxNode[], output: string) {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const weights = [...new Set(nodes.flatMap(({ inputs }) => inputs))].filter(
    (name) => name !== 'x' && !made.has(name),
  );
  const graph = got(
    prepareGraph(
      model({
        nodes,
        inputs: [value('x', 'float32', ['n', 2])],
        outputs: [value(output, 'float32')],
        initializers: weights.map((name) => tensor(name, 'float32', [2, 2], [1, 2, 3, 4])),
      }),
    ),
  );
  const placements = weights.map(
    (name) => ({ initializer: name, tensor: name, transposed: false, evidence: 'name' }) as const,
  );
  const map: WeightMap = { graph, placements, unplaced: [], leftOver: [], findings: [] };
  const types = new Map([...graph.producers.keys()].map((name) => [name, 'float32' as const]));
  return layerValues(map, types).map(({ layer, input, middle, output: end }) => [layer, input, middle, end]);
}

function attention(layer: number, from: string, to: string): OnnxNode {
  return node('MatMul', `${from} model.layers.${layer}.self_attn.q_proj.weight`, to);
}

function mlp(layer: number, from: string, to: string): OnnxNode {
  return node('MatMul', `${from} model.layers.${layer}.mlp.up_proj.weight`, to);
}

test('norms before attention and MLP leave the stream between the additions', () => {
  const layer = (k: number, x: string) => [
    node('Mul', `${x} model.layers.${k}.input_layernorm.weight`, `n${k}`),
    attention(k, `n${k}`, `a${k}`),
    node('Add', `${x} a${k}`, `y${k}`),
    node('Mul', `y${k} model.layers.${k}.post_attention_layernorm.weight`, `m${k}`),
    mlp(k, `m${k}`, `u${k}`),
    node('Add', `y${k} u${k}`, `z${k}`),
  ];
  const nodes = [
    node('MatMul', 'x model.embed_tokens.weight', 'e'),
    ...layer(0, 'e'),
    ...layer(1, 'z0'),
    // A norm of several nodes, the weight in the last.
    node('ReduceMean', 'z1', 'r'),
    node('Div', 'z1 r', 'd'),
    node('Mul', 'd model.norm.weight', 'f'),
    node('MatMul', 'f lm_head.weight', 'logits'),
  ];
  assert.deepEqual(layersOf(nodes, 'logits'), [
    ['model.layers.0', 'e', 'y0', 'z0'],
    ['model.layers.1', 'z0', 'y1', 'z1'],
  ]);
});

test('norms behind attention and MLP belong to them', () => {
  const layer = (k: number, x: string) => [
    attention(k, x, `a${k}`),
    node('Add', `${x} a${k}`, `s${k}`),
    node('Mul', `s${k} model.layers.${k}.attention.output.LayerNorm.weight`, `y${k}`),
    mlp(k, `y${k}`, `u${k}`),
    node('Add', `y${k} u${k}`, `t${k}`),
    node('Mul', `t${k} model.layers.${k}.output.LayerNorm.weight`, `z${k}`),
  ];
  const nodes = [
    node('MatMul', 'x model.embed_tokens.weight', 'e'),
    ...layer(0, 'e'),
    ...layer(1, 'z0'),
    node('MatMul', 'z1 lm_head.weight', 'logits'),
  ];
  assert.deepEqual(layersOf(nodes, 'logits'), [
    ['model.layers.0', 'e', 'y0', 'z0'],
    ['model.layers.1', 'z0', 'y1', 'z1'],
  ]);
});

test('attention and MLP beside each other have nothing between them', () => {
  const layer = (k: number, x: string) => [
    attention(k, x, `a${k}`),
    mlp(k, x, `u${k}`),
    node('Add', `a${k} u${k}`, `b${k}`),
    node('Add', `${x} b${k}`, `z${k}`),
  ];
  const nodes = [node('MatMul', 'x model.embed_tokens.weight', 'e'), ...layer(0, 'e'), ...layer(1, 'z0')];
  assert.deepEqual(layersOf(nodes, 'z1'), [
    ['model.layers.0', 'e', null, 'z0'],
    ['model.layers.1', 'z0', null, 'z1'],
  ]);
});

test('without numbered layers every module is one, its bias included', () => {
  const nodes = [
    node('Transpose', 'first.weight', 'w'),
    node('MatMul', 'x w', 'a'),
    node('Add', 'a first.bias', 'b'),
    node('Relu', 'b', 'c'),
    node('MatMul', 'c second.weight', 'd'),
  ];
  assert.deepEqual(layersOf(nodes, 'd'), [
    ['first', null, null, 'b'],
    ['second', 'b', null, 'd'],
  ]);
});
