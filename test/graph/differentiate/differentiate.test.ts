import assert from 'node:assert/strict';
import test from 'node:test';
import {
  differentiate,
  obstacleText,
  type Differentiated,
} from '../../../src/graph/differentiate/differentiate';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue, type TensorValue } from '../../../src/graph/tensor-value';
import { traceGraph } from '../../../src/graph/trace';
import { codeOf, got } from '../got';
import { model, node, tensor, value } from '../onnx/models';

const X = tensorValue('float32', [2, 2], [1, 2, 3, 4]);

async function gradientsOf(
  nodes: Parameters<typeof model>[0]['nodes'],
  targets: readonly string[],
): Promise<{ made: Differentiated; values: ReadonlyMap<string, readonly number[]> }> {
  const graph = got(
    prepareGraph(
      model({
        nodes,
        inputs: [value('x', 'float32', [2, 2])],
        outputs: [value('y', 'float32')],
        initializers: [
          tensor('a', 'float32', [2, 2], [1, 0, 2, 1]),
          tensor('b', 'float32', [2, 2], [1, 1, 0, 1]),
          tensor('unused', 'float32', [1], [1]),
        ],
      }),
    ),
  );
  const feeds = new Map([['x', X]]);
  const traced = got(await traceGraph(graph, feeds, ['y']));
  const made = got(differentiate(traced, 'y', targets));
  const outputs = [...made.gradients.values()];
  const values = new Map<string, readonly number[]>();
  if (outputs.length > 0) {
    const session = got(await openSession(made.graph, { outputs }));
    const results = got(await session.run(feeds));
    for (const [target, name] of made.gradients)
      values.set(target, [...numbersOf(results.get(name) as TensorValue)]);
  }
  return { made, values };
}

const SUM = node('ReduceSum', 'h', 'y', { keepdims: 0 });

test('a weight that is used twice gets the sum of both gradients', async () => {
  // y = Σ (x a a); ∂y/∂a = xᵀ 1 (a 1)ᵀ + (x a)ᵀ 1 1ᵀ, worked out by hand.
  const { values } = await gradientsOf([node('MatMul', 'x a', 'g'), node('MatMul', 'g a', 'h'), SUM], ['a']);
  assert.deepEqual(values.get('a'), [4 + 16, 12 + 16, 6 + 6, 18 + 6]);
});

test('an operator without a rule is named with what depends on it, and other gradients are right', async () => {
  const nodes = [
    node('MatMul', 'x a', 'g'),
    node('Det', 'g', 'd'),
    node('MatMul', 'x b', 'k'),
    node('Add', 'k d', 'h'),
    SUM,
  ];
  const { made, values } = await gradientsOf(nodes, ['a', 'b', 'unused']);
  assert.deepEqual([...values.keys()], ['b']);
  assert.deepEqual(values.get('b'), [4, 4, 6, 6]);
  assert.deepEqual(made.unconnected, ['unused']);
  const [obstacle] = made.obstacles;
  assert.ok(obstacle);
  assert.deepEqual(obstacle.targets, ['a']);
  assert.equal(
    obstacleText(obstacle),
    'The node "Det:d" (Det) has an operator without a rule; without a gradient: "a".',
  );
});

test('a weight whose gradient would be partial because one of two ways is blocked is left out', async () => {
  const nodes = [node('MatMul', 'x a', 'g'), node('Det', 'g', 'd'), node('Add', 'g d', 'h'), SUM];
  const { made } = await gradientsOf(nodes, ['a']);
  assert.equal(made.gradients.size, 0);
  assert.deepEqual(
    made.obstacles.map(({ targets }) => targets),
    [['a']],
  );
});

test('a graph inside a node that uses a weight blocks its gradient instead of dropping it', async () => {
  const branch = (name: string): ReturnType<typeof model>['graph'] => ({
    name,
    nodes: [node('Identity', 'a', `${name}_out`)],
    initializers: [],
    inputs: [],
    outputs: [value(`${name}_out`, 'float32')],
  });
  const choice = {
    ...node('If', 'c', 'chosen'),
    attributes: new Map([
      ['then_branch', { kind: 'graph', value: branch('then') } as const],
      ['else_branch', { kind: 'graph', value: branch('else') } as const],
    ]),
  };
  const nodes = [
    node('ReduceSum', 'x', 's', { keepdims: 0 }),
    node('Greater', 's zero', 'c'),
    {
      ...node('Constant', '', 'zero'),
      attributes: new Map([['value_float', { kind: 'float', value: 0 } as const]]),
    },
    choice,
    node('MatMul', 'x chosen', 'h'),
    SUM,
  ];
  const { made } = await gradientsOf(nodes, ['a']);
  assert.deepEqual(
    made.obstacles.map(({ node: { op }, targets }) => [op, targets]),
    [['If', ['a']]],
  );
});

test('operators that are constant almost everywhere pass no gradient', async () => {
  for (const op of ['Floor', 'Ceil', 'Round', 'Sign']) {
    const { made } = await gradientsOf([node('Mul', 'x a', 'g'), node(op, 'g', 'h'), SUM], ['a']);
    assert.deepEqual(made.unconnected, ['a'], op);
    assert.deepEqual(made.obstacles, []);
  }
});

test('an objective of several numbers is refused', async () => {
  const graph = got(
    prepareGraph(
      model({
        nodes: [node('Relu', 'x', 'y')],
        inputs: [value('x', 'float32')],
        outputs: [value('y', 'float32')],
      }),
    ),
  );
  const traced = got(await traceGraph(graph, new Map([['x', X]]), ['y']));
  assert.equal(codeOf(differentiate(traced, 'y', ['x'])), 'graph-objective');
});
