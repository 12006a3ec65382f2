import assert from 'node:assert/strict';
import { LOWERINGS } from '../../../src/graph/lower/registry';
import { keyOf } from '../../../src/graph/lower/lowering';
import { traceLowered } from '../../../src/graph/lower/lower';
import { writeModel } from '../../../src/graph/onnx/write-model';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { loadRuntime } from '../../../src/graph/runtime';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue } from '../../../src/graph/tensor-value';
import { checkGradients, type Case } from '../differentiate/check';
import { got } from '../got';
import { gaussians, model, value } from '../onnx/models';

/** Asserts that a case written as plain operators gives what the runtime's own kernels give, and has the gradients of that. */
export async function checkLowered(given: Case): Promise<void> {
  const outputs = given.outputs ?? ['y'];
  const made = model({
    nodes: given.nodes,
    inputs: Object.entries(given.inputs).map(([name, one]) =>
      value(name, 'float32', 'shape' in one ? one.shape : one),
    ),
    outputs: outputs.map((name) => value(name, 'float32')),
    initializers: given.constants ?? [],
    opset: given.opset ?? 18,
  });
  const feeds = new Map(
    Object.entries(given.inputs).map(([name, one], i) => {
      const shape = 'shape' in one ? one.shape : one;
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, tensorValue('float32', shape, 'shape' in one ? one.values : gaussians(count, i + 7))];
    }),
  );
  const { api } = got(await loadRuntime());
  const own = await api.InferenceSession.create(got(writeModel(made)), { logSeverityLevel: 4 });
  const expected = await own.run(
    Object.fromEntries(
      [...feeds].map(([name, { data, shape }]) => [
        name,
        new api.Tensor('float32', data as Float32Array, shape),
      ]),
    ),
  );
  await own.release();
  const { graph } = got(await traceLowered(got(prepareGraph(made)), feeds, outputs));
  const left = graph.nodes.map(keyOf).filter((key) => LOWERINGS.has(key));
  assert.deepEqual(left, []);
  const session = got(await openSession(graph, { outputs }));
  const found = got(await session.run(feeds));
  await session.release();
  for (const name of outputs) {
    const [a, b] = [found.get(name), expected[name]];
    assert.ok(a && b, name);
    assert.deepEqual(a.shape, b.dims, name);
    for (const [i, one] of numbersOf(a).entries()) {
      const other = Number(b.data[i]);
      assert.ok(
        Math.abs(one - other) < 3e-5,
        `${name}[${String(i)}]: ${String(one)}, the kernel ${String(other)}`,
      );
    }
  }
  await checkGradients({ precision: 'float32', tolerance: 1e-3, ...given });
}
