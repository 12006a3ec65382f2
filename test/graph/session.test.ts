import assert from 'node:assert/strict';
import { join } from 'node:path';
import fs from 'node:fs';
import test from 'node:test';
import { readModel } from '../../src/format/onnx/read-model';
import type { OnnxModel } from '../../src/format/onnx/types';
import { prepareGraph } from '../../src/graph/prepare-graph';
import type { ModelGraph } from '../../src/graph/model-graph';
import { openSession } from '../../src/graph/session';
import { numbersOf, tensorOverBytes, tensorValue, type TensorValue } from '../../src/graph/tensor-value';
import { traceGraph } from '../../src/graph/trace';
import type { Result } from '../../src/protocol/result';
import { gaussians, model, node, tensor, value } from './onnx/models';
import { readNpz, WITHOUT_ZOO, ZOO } from './zoo';

function got<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? '' : `${result.problem.code}: ${result.problem.message}`);
  return result.value;
}

function prepared(made: OnnxModel): ModelGraph {
  return got(prepareGraph(made));
}

async function run(
  graph: ModelGraph,
  feeds: Readonly<Record<string, TensorValue>>,
  outputs: readonly string[],
  weights: readonly string[] = [],
): Promise<ReadonlyMap<string, TensorValue>> {
  const session = got(await openSession(graph, { outputs, weights: new Set(weights) }));
  const results = got(await session.run(new Map(Object.entries(feeds))));
  await session.release();
  return results;
}

const LINEAR = model({
  nodes: [node('MatMul', 'x w', 'h'), node('Relu', 'h', 'y')],
  inputs: [value('x', 'float32', ['n', 2])],
  outputs: [value('y', 'float32')],
  initializers: [tensor('w', 'float32', [2, 2], [1, -1, 2, 0])],
});

test('a session gives inner values, and takes weights as inputs that one run has and the next has not', async () => {
  const graph = prepared(LINEAR);
  const x = tensorValue('float32', [1, 2], [1, 2]);
  const own = await run(graph, { x }, ['h', 'y']);
  assert.deepEqual([...numbersOf(own.get('h') as TensorValue)], [5, -1]);
  assert.deepEqual([...numbersOf(own.get('y') as TensorValue)], [5, 0]);
  const session = got(await openSession(graph, { outputs: ['y'], weights: new Set(['w']) }));
  for (const scale of [1, 3]) {
    const w = tensorValue('float32', [2, 2], [scale, 0, 0, scale]);
    const results = got(
      await session.run(
        new Map([
          ['x', x],
          ['w', w],
        ]),
      ),
    );
    assert.deepEqual([...numbersOf(results.get('y') as TensorValue)], [scale, 2 * scale]);
  }
});

test('an output array that is an input at the same time accumulates over runs', async () => {
  const made = model({
    nodes: [node('Add', 'sum x', 'next')],
    inputs: [value('sum', 'float32', [2]), value('x', 'float32', [2])],
    outputs: [value('next', 'float32')],
  });
  const session = got(await openSession(prepared(made), { outputs: ['next'] }));
  const sum = tensorValue('float32', [2], [0, 0]);
  for (let i = 1; i <= 3; i++) {
    const x = tensorValue('float32', [2], [i, 1]);
    got(
      await session.run(
        new Map([
          ['sum', sum],
          ['x', x],
        ]),
        { into: new Map([['next', sum]]) },
      ),
    );
  }
  assert.deepEqual([...numbersOf(sum)], [6, 3]);
});

test('missing inputs, other types, other shapes and unknown outputs are told before anything runs', async () => {
  const graph = prepared(LINEAR);
  const session = got(await openSession(graph, { outputs: ['y'] }));
  const cases: readonly [Readonly<Record<string, TensorValue>>, string, RegExp][] = [
    [{}, 'graph-input-missing', /"x"/],
    [
      { x: tensorValue('float64', [1, 2], [1, 2]) },
      'graph-input-type',
      /takes float32 \[n, 2\], and float64 \[1, 2\]/,
    ],
    [{ x: tensorValue('float32', [2], [1, 2]) }, 'graph-input-type', /and float32 \[2\] was given/],
    [{ x: tensorValue('float32', [1, 3], [1, 2, 3]) }, 'graph-input-type', /\[1, 3\]/],
  ];
  for (const [feeds, code, message] of cases) {
    const failed = await session.run(new Map(Object.entries(feeds)));
    assert.ok(!failed.ok);
    assert.equal(failed.problem.code, code);
    assert.match(failed.problem.message, message);
  }
  const unknown = await openSession(graph, { outputs: ['z'] });
  assert.equal(unknown.ok ? '' : unknown.problem.code, 'graph-output-missing');
  const stopped = await session.run(new Map(), { signal: AbortSignal.abort() });
  assert.equal(stopped.ok ? '' : stopped.problem.code, 'cancelled');
});

test('an operator that the runtime does not have is a problem, not an exception', async () => {
  const made = model({
    nodes: [node('Nonsense', 'x', 'y', {}, 'my.domain')],
    inputs: [value('x', 'float32', [1])],
    outputs: [value('y', 'float32')],
  });
  const session = await openSession(prepared(made), { outputs: ['y'] });
  assert.equal(session.ok ? '' : session.problem.code, 'graph-run');
});

test('nodes are put in order, and circles, dangling and doubled values are refused by name', () => {
  const x = value('x', 'float32');
  const y = value('y', 'float32');
  const shuffled = prepared(
    model({
      nodes: [node('Relu', 'b', 'y'), node('Neg', 'a', 'b'), node('Exp', 'x', 'a')],
      inputs: [x],
      outputs: [y],
    }),
  );
  assert.deepEqual(
    shuffled.nodes.map(({ op }) => op),
    ['Exp', 'Neg', 'Relu'],
  );
  assert.equal(shuffled.uses.get('a')?.[0]?.node.op, 'Neg');
  const cases: readonly [string, Parameters<typeof model>[0]][] = [
    ['graph-cycle', { nodes: [node('Add', 'x y', 'a'), node('Neg', 'a', 'y')], inputs: [x], outputs: [y] }],
    ['graph-dangling', { nodes: [node('Neg', 'a', 'y')], inputs: [x], outputs: [y] }],
    ['graph-dangling', { nodes: [], inputs: [x], outputs: [y] }],
    ['graph-duplicate', { nodes: [node('Neg', 'x', 'y'), node('Exp', 'x', 'y')], inputs: [x], outputs: [y] }],
    ['graph-duplicate', { nodes: [node('Neg', 'x', 'x')], inputs: [x], outputs: [] }],
    ['graph-opset', { nodes: [node('Neg', 'x', 'y')], inputs: [x], outputs: [y], opset: 9 }],
  ];
  for (const [code, parts] of cases) {
    const refused = prepareGraph(model(parts));
    assert.equal(refused.ok ? '' : refused.problem.code, code);
  }
});

test('functions of a model are put in the place of their calls, and endless ones are refused', async () => {
  const square = {
    name: 'Power',
    domain: 'own',
    inputs: ['a'],
    outputs: ['r'],
    nodes: [
      {
        ...node('Constant', '', 'e'),
        attributes: new Map([['value_float', { kind: 'reference', value: 'by' } as const]]),
      },
      node('Pow', 'a e', 'r'),
    ],
    defaults: new Map([['by', { kind: 'float', value: 2 } as const]]),
  };
  const nodes = [node('Power', 'x', 'h', {}, 'own'), node('Power', 'h', 'y', { by: { float: 3 } }, 'own')];
  const made = model({ nodes, inputs: [value('x', 'float32', [1])], outputs: [value('y', 'float32')] });
  const results = await run(
    prepared({ ...made, functions: [square] }),
    { x: tensorValue('float32', [1], [2]) },
    ['y'],
  );
  assert.deepEqual([...numbersOf(results.get('y') as TensorValue)], [64]);
  const endless = { ...square, nodes: [node('Power', 'a', 'r', {}, 'own')] };
  const refused = prepareGraph({ ...made, functions: [endless] });
  assert.equal(refused.ok ? '' : refused.problem.code, 'graph-function');
});

test('graphs of operator set 11 give the same when they are written in set 18', async () => {
  const nodes = [
    node('Softmax', 'x', 'flat'),
    node('LogSoftmax', 'x', 'last', { axis: -1 }),
    node('ReduceMean', 'x', 'mean', { axes: [1], keepdims: 0 }),
    node('ReduceSum', 'x', 'sum', { axes: [0, 2] }),
    node('ReduceMax', 'x', 'max'),
    node('Unsqueeze', 'x', 'wide', { axes: [0] }),
    node('Squeeze', 'wide', 'narrow', { axes: [0] }),
    node('Split', 'x', 'one two', { axis: 2, split: [1, 3] }),
    node('Split', 'x', 'left right', { axis: 2 }),
    node('Dropout', 'x', 'kept', { ratio: { float: 0.5 } }),
  ];
  const names = nodes.flatMap(({ outputs }) => outputs);
  const made = model({
    nodes,
    opset: 11,
    inputs: [value('x', 'float32', [2, 3, 4])],
    outputs: names.map((name) => value(name, 'float32')),
  });
  const x = tensorValue('float32', [2, 3, 4], gaussians(24, 3));
  const graph = prepared(made);
  assert.equal(graph.opsets.get(''), 18);
  const upgraded = await run(graph, { x }, names);
  const old: ModelGraph = {
    ...prepared({ ...made, opsets: new Map([['', 18]]), graph: { ...made.graph, nodes: [], outputs: [] } }),
    opsets: made.opsets,
    nodes,
    producers: new Map(nodes.flatMap((one) => one.outputs.map((name) => [name, one] as const))),
  };
  const before = await run(old, { x }, names);
  for (const name of names) assert.deepEqual(upgraded.get(name), before.get(name), name);
});

test('tracing folds shape arithmetic, keeps what depends on data and on floats, and learns every shape', async () => {
  const made = model({
    nodes: [
      node('Shape', 'x', 'shape'),
      node('Gather', 'shape zero', 'n'),
      node('Concat', 'n minus', 'target', { axis: 0 }),
      node('Reshape', 'x target', 'flat'),
      node('MatMul', 'flat w', 'h'),
      node('Mul', 'w w', 'ww'),
      node('MatMul', 'h ww', 'y'),
      node('NonZero', 'y', 'where'),
      node('Shape', 'where', 'count'),
    ],
    inputs: [value('x', 'float32', ['n', 2, 2])],
    outputs: [value('y', 'float32'), value('count', 'int64')],
    initializers: [
      tensor('zero', 'int64', [1], [0]),
      tensor('minus', 'int64', [1], [-1]),
      tensor('w', 'float32', [4, 4], gaussians(16, 5)),
    ],
  });
  const x = tensorValue('float32', [3, 2, 2], gaussians(12, 2));
  const traced = got(await traceGraph(prepared(made), new Map([['x', x]]), ['y', 'count']));
  assert.deepEqual(
    traced.graph.nodes.map(({ op }) => op),
    ['Reshape', 'MatMul', 'Mul', 'MatMul', 'NonZero', 'Shape'],
  );
  assert.deepEqual(traced.shapes.get('flat'), [3, 4]);
  assert.equal(traced.types.get('where'), 'int64');
  assert.deepEqual([...traced.varying], ['where', 'count']);
});

test('half precision is computed in float32, and everything in float64 where that is asked for', async () => {
  const made = model({
    nodes: [
      node('Cast', 'x', 'wide', { to: 1 }),
      node('Cast', 'wide', 'half', { to: 10 }),
      node('Mul', 'half w', 'y'),
    ],
    inputs: [value('x', 'float16', [2])],
    outputs: [value('y', 'float16')],
    initializers: [
      {
        name: 'w',
        type: 'float16',
        shape: [2],
        count: 2,
        data: { kind: 'memory', bytes: Uint8Array.of(0, 0x3c, 0, 0xc0) },
      },
    ],
  });
  for (const precision of ['float32', 'float64'] as const) {
    const graph = got(prepareGraph(made, precision));
    const results = await run(graph, { x: tensorValue(precision, [2], [0.1, 3]) }, ['y']);
    const y = results.get('y') as TensorValue;
    assert.equal(y.type, precision);
    assert.deepEqual([...numbersOf(y)], [precision === 'float64' ? 0.1 : Math.fround(0.1), -6]);
  }
});

test('the exports of the zoo give the reference logits', { skip: WITHOUT_ZOO }, async () => {
  const cases: readonly [string, string, string, number][] = [
    ['vit-digits', 'rot90', 'pixel_values', 8],
    ['cnn-digits', 'rot90', 'pixel_values', 8],
  ];
  for (const [family, task, input, count] of cases) {
    const graph = prepared(got(await readModel(join(ZOO, family, 'onnx', `${task}.onnx`))));
    const data = readNpz(join(ZOO, 'vit-digits/data', `${task}-test.npz`)).get('pixel_values');
    assert.ok(data);
    const bytes = data.bytes.slice(0, count * 256 * 4);
    const feeds = new Map([[input, tensorOverBytes('float32', [count, 1, 16, 16], bytes)]]);
    const traced = got(await traceGraph(graph, feeds, ['logits']));
    assert.ok(traced.graph.nodes.length <= graph.nodes.length);
    const results = await run(traced.graph, Object.fromEntries(feeds), ['logits']);
    const reference = JSON.parse(
      fs.readFileSync(join(ZOO, 'reference', family, 'logits.json'), 'utf8'),
    ) as Record<string, number[][]>;
    const expected = reference[`${task} on ${task}`] ?? [];
    const found = numbersOf(results.get('logits') as TensorValue);
    assert.equal(expected.length, count);
    for (const [i, one] of expected.flat().entries())
      assert.ok(Math.abs(one - (found[i] ?? NaN)) < 1e-4, family);
  }
});
