import assert from 'node:assert/strict';
import test from 'node:test';
import { LOWERINGS } from '../../../src/graph/lower/registry';
import type { OnnxNode } from '../../../src/format/onnx/types';
import { differentiate } from '../../../src/graph/differentiate/differentiate';
import { traceLowered } from '../../../src/graph/lower/lower';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { tensorValue } from '../../../src/graph/tensor-value';
import { got } from '../got';
import { model, node, tensor, value } from '../onnx/models';
import { checkLowered } from './kernel';
import { CONTROL_FLOW } from './control-flow-cases';
import { FUSED } from './fused-cases';
import { graph, whole, withGraphs } from './graph-parts';

const CASES = { ...CONTROL_FLOW, ...FUSED };

for (const [op, cases] of Object.entries(CASES)) {
  test(`${op} written as plain operators gives what the runtime's kernel gives, and its gradients`, async (context) => {
    for (const [i, one] of cases.entries())
      await context.test(`case ${String(i + 1)}`, () => checkLowered(one));
  });
}

test('every lowering is tested', () => {
  assert.deepEqual(
    [...LOWERINGS.keys()].filter((op) => !(op in CASES)),
    [],
  );
});

test('what data decide stays as it is, and is named with the reason', async () => {
  const body = graph(
    'body',
    [node('Mul', 'v x', 'nv'), node('Identity', 'go', 'on')],
    ['i', 'go', 'v'],
    ['on', 'nv'],
  );
  const branches = {
    then_branch: graph('then', [node('Neg', 'x', 'minus')], [], ['minus']),
    else_branch: graph('else', [node('Abs', 'x', 'plus')], [], ['plus']),
  };
  const given: readonly (readonly [OnnxNode, string])[] = [
    [withGraphs(node('Loop', 'n - x', 'h'), { body }), 'how often it runs depends on data'],
    [withGraphs(node('If', 'c', 'h'), branches), 'its condition depends on data'],
    [node('RNN', 'x w r - n1', '- h', { hidden_size: 1 }), 'its sequences have lengths of their own'],
    [node('GridSample', 'z g', 'h', { mode: 'bicubic' }), 'it interpolates cubically'],
  ];
  for (const [one, reason] of given) {
    const made = model({
      nodes: [
        node('Squeeze', 'n1 zero', 'n64'),
        node('Cast', 'n64', 'n', { to: 7 }),
        node('Cast', 'n64', 'c', { to: 9 }),
        node('Unsqueeze', 'x zero', 'z'),
        one,
        node('ReduceSum', 'h', 'y', { keepdims: 0 }),
      ],
      inputs: [value('x', 'float32', [2, 1, 1]), value('n1', 'int32', [1])],
      outputs: [value('y', 'float32')],
      initializers: [
        whole('zero', 'int64', [1], [0]),
        tensor('w', 'float32', [1, 1, 1], [0.5]),
        tensor('r', 'float32', [1, 1, 1], [0.5]),
        tensor('g', 'float32', [1, 1, 1, 2], [0, 0]),
      ],
    });
    const feeds = new Map([
      ['x', tensorValue('float32', [2, 1, 1], [1, 2])],
      ['n1', tensorValue('int32', [1], [2])],
    ]);
    const traced = got(await traceLowered(got(prepareGraph(made)), feeds, ['y']));
    const { obstacles } = got(differentiate(traced, 'y', ['x']));
    assert.deepEqual(
      obstacles.map((obstacle) => [obstacle.node.op, obstacle.reason, obstacle.targets]),
      [[one.op, `cannot be differentiated: ${reason}`, ['x']]],
    );
  }
});
