import assert from 'node:assert/strict';
import test from 'node:test';
import type { Placement, WeightMap } from '../../src/graph/bind/weight-map';
import type { OnnxNode } from '../../src/format/onnx/types';
import { prepareGraph } from '../../src/graph/prepare-graph';
import { projections } from '../../src/graph/projections';
import { got } from './got';
import { model, node, tensor, value } from './onnx/models';

function projectionsOf(nodes: readonly OnnxNode[], transposed: boolean) {
  const graph = got(
    prepareGraph(
      model({
        nodes,
        inputs: [value('x', 'float32', ['n', 2])],
        outputs: [value('y', 'float32')],
        initializers: [tensor('w', 'float32', [2, 2], [1, 2, 3, 4])],
      }),
    ),
  );
  const placement: Placement = { initializer: 'w', tensor: 'q.weight', transposed, evidence: 'name' };
  const map: WeightMap = { graph, placements: [placement], unplaced: [], leftOver: [], findings: [] };
  return projections(map).map(({ tensor: name, input, inputAxis }) => [name, input, inputAxis]);
}

test('the axis of the inputs follows every turn of a matrix, square ones too', () => {
  const product = [node('MatMul', 'x w', 'y')];
  const turned = [node('Transpose', 'w', 't', { perm: [1, 0] }), node('MatMul', 'x t', 'y')];
  const gemm = [node('Gemm', 'x w', 'y', { transB: 1 })];
  const twice = [node('Transpose', 'w', 't', { perm: [1, 0] }), node('Gemm', 'x t', 'y', { transB: 1 })];
  for (const [nodes, axis] of [
    [product, 0],
    [turned, 1],
    [gemm, 1],
    [twice, 0],
  ] as const) {
    assert.deepEqual(projectionsOf(nodes, false), [['q.weight', 'x', axis]]);
    assert.deepEqual(projectionsOf(nodes, true), [['q.weight', 'x', 1 - axis]]);
  }
});
