import assert from 'node:assert/strict';
import { differentiate } from '../../../src/graph/differentiate/differentiate';
import { traceLowered } from '../../../src/graph/lower/lower';
import type { OnnxNode, OnnxTensor } from '../../../src/format/onnx/types';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue, type TensorValue } from '../../../src/graph/tensor-value';
import { traceGraph } from '../../../src/graph/trace';
import { got } from '../got';
import { gaussians, model, node, tensor, value } from '../onnx/models';

/** A graph whose gradients are compared with finite differences. */
export interface Case {
  readonly nodes: readonly OnnxNode[];
  /** Shapes of the float inputs, filled with normal numbers, or the values themselves. */
  readonly inputs: Readonly<
    Record<string, readonly number[] | { shape: readonly number[]; values: readonly number[] }>
  >;
  readonly constants?: readonly OnnxTensor[];
  /** Shapes of the outputs whose weighted sum is the objective; by default `y`. */
  readonly outputs?: readonly string[];
  /** `float32` where the runtime has no kernel for float64. */
  readonly precision?: 'float32' | 'float64';
  /** Inputs that are not looked at. */
  readonly fixed?: readonly string[];
  readonly opset?: number;
  /** Half the distance of the differences. */
  readonly step?: number;
  readonly tolerance?: number;
}

/**
 * Asserts that the gradient of `Σ r·y` (r: fixed random numbers) with respect to every input is that of central
 * differences of fourth order, (8(f₁ − f₋₁) − (f₂ − f₋₂))/12h, to within a tolerance relative to the largest entry.
 */
export async function checkGradients(given: Case): Promise<void> {
  const precision = given.precision ?? 'float64';
  const outputs = given.outputs ?? ['y'];
  const feeds = new Map<string, TensorValue>();
  for (const [i, [name, one]] of Object.entries(given.inputs).entries()) {
    const shape = 'shape' in one ? one.shape : one;
    const count = shape.reduce((product, size) => product * size, 1);
    feeds.set(name, tensorValue(precision, shape, 'shape' in one ? one.values : gaussians(count, i + 7)));
  }
  const bare = model({
    nodes: given.nodes,
    inputs: [...feeds].map(([name, { shape }]) => value(name, 'float32', shape)),
    outputs: outputs.map((name) => value(name, 'float32')),
    initializers: given.constants ?? [],
    opset: given.opset ?? 18,
  });
  const first = got(await traceGraph(got(prepareGraph(bare, precision)), feeds, outputs));
  const weighted = outputs.flatMap((name, i) => [
    node('Mul', `${name} random${String(i)}`, `weighted${String(i)}`),
    node('ReduceSum', `weighted${String(i)}`, `sum${String(i)}`, { keepdims: 0 }),
  ]);
  const random = outputs.map((name, i) => {
    const shape = first.shapes.get(name) ?? [];
    const count = shape.reduce((product, size) => product * size, 1);
    return tensor(`random${String(i)}`, 'float32', shape, gaussians(count, 100 + i));
  });
  const sums = node('Sum', outputs.map((_, i) => `sum${String(i)}`).join(' '), 'objective');
  const whole = model({
    ...bare.graph,
    nodes: [...given.nodes, ...weighted, sums],
    outputs: [value('objective', 'float32')],
    initializers: [...(given.constants ?? []), ...random],
    opset: given.opset ?? 18,
  });
  const graph = got(prepareGraph(whole, precision));
  const targets = [...feeds.keys()].filter((name) => given.fixed?.includes(name) !== true);
  const traced = got(await traceLowered(graph, feeds, ['objective']));
  const made = got(differentiate(traced, 'objective', targets));
  assert.deepEqual(
    made.obstacles.map(({ reason }) => reason),
    [],
  );
  const names = targets.flatMap((target) => made.gradients.get(target) ?? []);
  assert.equal(names.length, targets.length, `unconnected: ${made.unconnected.join()}`);
  const session = got(await openSession(made.graph, { outputs: [...names, 'objective'] }));
  const gradients = got(await session.run(feeds));
  const forward = got(await openSession(graph, { outputs: ['objective'] }));
  const objectiveAt = async (name: string, at: number, shift: number): Promise<number> => {
    const original = feeds.get(name) as TensorValue;
    const values = numbersOf(original);
    values[at] = (values[at] ?? 0) + shift;
    const changed = new Map(feeds).set(name, tensorValue(original.type, original.shape, values));
    return numbersOf(got(await forward.run(changed)).get('objective') as TensorValue)[0] ?? NaN;
  };
  const step = given.step ?? (precision === 'float64' ? 1e-3 : 0.05);
  const tolerance = given.tolerance ?? (precision === 'float64' ? 1e-8 : 2e-4);
  for (const target of targets) {
    const gradient = gradients.get(made.gradients.get(target) ?? '') as TensorValue;
    assert.deepEqual(gradient.shape, feeds.get(target)?.shape, `shape of the gradient of ${target}`);
    const found = numbersOf(gradient);
    const expected: number[] = [];
    for (let at = 0; at < found.length; at++) {
      const near = (await objectiveAt(target, at, step)) - (await objectiveAt(target, at, -step));
      const far = (await objectiveAt(target, at, 2 * step)) - (await objectiveAt(target, at, -2 * step));
      expected.push((8 * near - far) / (12 * step));
    }
    const largest = Math.max(1, ...expected.map(Math.abs));
    for (const [at, one] of expected.entries()) {
      const off = Math.abs((found[at] ?? NaN) - one);
      assert.ok(
        off <= tolerance * largest,
        `${target}[${String(at)}]: ${String(found[at])}, differences say ${String(one)}`,
      );
    }
  }
  await session.release();
  await forward.release();
}
