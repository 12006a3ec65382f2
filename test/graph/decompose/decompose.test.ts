import assert from 'node:assert/strict';
import test from 'node:test';
import { DECOMPOSED } from '../../../src/graph/decompose/decompose';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { writeModel } from '../../../src/graph/onnx/write-model';
import type { OnnxNode } from '../../../src/format/onnx/types';
import { loadRuntime } from '../../../src/graph/runtime';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue } from '../../../src/graph/tensor-value';
import { checkGradients } from '../differentiate/check';
import { got } from '../got';
import { gaussians, model, node, value, type Plain } from '../onnx/models';

const fused = (
  op: string,
  inputs: string,
  outputs: string,
  attributes: Readonly<Record<string, Plain>> = {},
): OnnxNode => node(op, inputs, outputs, attributes, 'com.microsoft');

type Shapes = Readonly<Record<string, readonly number[]>>;

const CASES: readonly (readonly [OnnxNode, Shapes])[] = [
  [
    fused('SkipLayerNormalization', 'x s g b', 'y', { epsilon: { float: 0.1 } }),
    { x: [1, 2, 4], s: [1, 2, 4], g: [4], b: [4] },
  ],
  [
    fused('SkipLayerNormalization', 'x s g b c', 'y - - z'),
    { x: [1, 2, 4], s: [1, 2, 4], g: [4], b: [4], c: [4] },
  ],
  [
    fused('SkipSimplifiedLayerNormalization', 'x s g', 'y - - z', { epsilon: { float: 1e-5 } }),
    { x: [1, 2, 4], s: [1, 2, 4], g: [4] },
  ],
  [fused('FastGelu', 'x b', 'y'), { x: [2, 4], b: [4] }],
  [fused('FastGelu', 'x', 'y'), { x: [2, 4] }],
  [fused('BiasGelu', 'x b', 'y'), { x: [2, 4], b: [4] }],
  [fused('Attention', 'x w b', 'y', { num_heads: 2 }), { x: [2, 3, 4], w: [4, 12], b: [12] }],
  [
    fused('Attention', 'x w b', 'y', { num_heads: 2, unidirectional: 1, scale: { float: 0.3 } }),
    { x: [1, 3, 4], w: [4, 12], b: [12] },
  ],
  [
    fused('MultiHeadAttention', 'q k v b', 'y', { num_heads: 2 }),
    { q: [1, 2, 4], k: [1, 3, 4], v: [1, 3, 4], b: [12] },
  ],
  [
    fused('MultiHeadAttention', 'q k v', 'y', { num_heads: 2, scale: { float: 0.7 } }),
    { q: [1, 2, 4], k: [1, 3, 4], v: [1, 3, 4] },
  ],
];

for (const [fusedNode, shapes] of CASES) {
  const title = `${fusedNode.op}(${fusedNode.inputs.join(', ')})`;
  const outputs = fusedNode.outputs.filter((name) => name !== '');
  test(`${title} written as plain operators gives what the runtime's own kernel gives, and its gradients`, async () => {
    const made = model({
      nodes: [fusedNode],
      inputs: Object.entries(shapes).map(([name, shape]) => value(name, 'float32', shape)),
      outputs: outputs.map((name) => value(name, 'float32')),
    });
    const feeds = new Map(
      Object.entries(shapes).map(([name, shape], i) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [name, tensorValue('float32', shape, gaussians(count, i + 1))];
      }),
    );
    const { api } = got(await loadRuntime());
    const own = await api.InferenceSession.create(got(writeModel(made)));
    const inputs = [...feeds].map(
      ([name, { data, shape }]) => [name, new api.Tensor('float32', data as Float32Array, shape)] as const,
    );
    const expected = await own.run(Object.fromEntries(inputs));
    await own.release();
    const graph = got(prepareGraph(made));
    assert.ok(graph.nodes.every(({ domain }) => domain === ''));
    const session = got(await openSession(graph, { outputs }));
    const found = got(await session.run(feeds));
    for (const name of outputs) {
      const [a, b] = [found.get(name), expected[name]?.data];
      assert.ok(a && b);
      for (const [i, one] of numbersOf(a).entries()) assert.ok(Math.abs(one - Number(b[i])) < 2e-5, name);
    }
    await checkGradients({
      nodes: [fusedNode],
      inputs: shapes,
      outputs,
      precision: 'float32',
      tolerance: 1e-3,
    });
  });
}

test('every decomposition is tested', () => {
  const tested = new Set(CASES.map(([{ op }]) => `com.microsoft.${op}`));
  assert.deepEqual(
    DECOMPOSED.filter((op) => !tested.has(op)),
    [],
  );
});

test('a fused node with options that are not covered stays, and runs', () => {
  const made = model({
    nodes: [fused('Attention', 'x w b m', 'y', { num_heads: 2 })],
    inputs: [value('x', 'float32'), value('w', 'float32'), value('b', 'float32'), value('m', 'int32')],
    outputs: [value('y', 'float32')],
  });
  assert.deepEqual(
    got(prepareGraph(made)).nodes.map(({ op }) => op),
    ['Attention'],
  );
});
