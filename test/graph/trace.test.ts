import assert from 'node:assert/strict';
import test from 'node:test';
import { prepareGraph } from '../../src/graph/prepare-graph';
import { openSession } from '../../src/graph/session';
import { tensorValue } from '../../src/graph/tensor-value';
import { traceGraph } from '../../src/graph/trace';
import { codeOf, got } from './got';
import { gaussians, model, node, tensor, value } from './onnx/models';

/** Shape arithmetic, a size that depends on data, a single number, and a shape that is fed. */
const MODEL = model({
  nodes: [
    node('Shape', 'x', 'all'),
    node('Shape', 'x', 'first', { start: 0, end: 1 }),
    node('Shape', 'x', 'rest', { start: -2 }),
    node('Size', 'x', 'count'),
    node('Concat', 'first minus', 'wanted', { axis: 0 }),
    node('Reshape', 'x wanted', 'flat'),
    node('ConstantOfShape', 'rest', 'zeros'),
    node('Reshape', 'x fed', 'unknown'),
    node('ReduceSum', 'unknown', 'single', { keepdims: 0 }),
    node('NonZero', 'x', 'places'),
    node('Shape', 'places', 'found'),
    node('Transpose', 'places', 'turned'),
    node('Identity', 'unused', 'other'),
  ],
  inputs: [
    value('x', 'float32', ['batch', 3, 4]),
    value('fed', 'int64', ['rank']),
    value('unused', 'float32', [1]),
  ],
  outputs: [value('single', 'float32')],
  initializers: [tensor('minus', 'int64', [1], [-1])],
});
const FEEDS = new Map([
  ['x', tensorValue('float32', [2, 3, 4], gaussians(24, 1))],
  ['fed', tensorValue('int64', [2], [4, 6])],
]);
const OUTPUTS = ['all', 'first', 'rest', 'count', 'flat', 'zeros', 'unknown', 'single', 'found', 'turned'];

test('a trace knows the shapes that a run has, whether they follow from those of the inputs or from data', async () => {
  const graph = got(prepareGraph(MODEL));
  const traced = got(await traceGraph(graph, FEEDS, OUTPUTS));
  const session = got(await openSession(graph, { outputs: OUTPUTS }));
  const run = got(await session.run(FEEDS));
  await session.release();
  for (const name of OUTPUTS) assert.deepEqual(traced.shapes.get(name), run.get(name)?.shape, name);
  assert.deepEqual([...traced.varying].sort(), ['found', 'places', 'turned', 'unknown']);
});

test('shape arithmetic becomes constants with the values that a run gives', async () => {
  const graph = got(prepareGraph(MODEL));
  const { graph: folded } = got(await traceGraph(graph, FEEDS, OUTPUTS));
  const known = ['all', 'first', 'rest', 'count'];
  const values = known.map((name) => {
    const { data } = folded.initializers.get(name) ?? {};
    return data?.kind === 'memory' ? [...new BigInt64Array(data.bytes.slice().buffer)].map(Number) : null;
  });
  assert.deepEqual(values, [[2, 3, 4], [2], [3, 4], [24]]);
  assert.ok(!folded.nodes.some(({ op, outputs }) => op === 'Shape' && outputs[0] !== 'found'));
});

test('data that is missing or has another shape than the graph takes is named', async () => {
  const graph = got(prepareGraph(MODEL));
  const wrong = new Map(FEEDS).set('x', tensorValue('float32', [2, 3, 3], gaussians(18, 1)));
  assert.equal(codeOf(await traceGraph(graph, wrong, OUTPUTS)), 'graph-input-type');
  const missing = new Map([...FEEDS].slice(0, 1));
  assert.equal(codeOf(await traceGraph(graph, missing, OUTPUTS)), 'graph-input-missing');
});
