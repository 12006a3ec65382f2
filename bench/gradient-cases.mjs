// The networks whose gradients are measured: two of the zoo, really trained, and two of usual sizes with random weights.
import path from 'node:path';
import { openCheckpoint } from '../src/format/registry.ts';
import { openStudyNetwork } from '../src/graph/study-network.ts';
import { tensorOverBytes, tensorValue } from '../src/graph/tensor-value.ts';
import { encoder, randomValues, residualNetwork } from './networks.mjs';

/** @typedef {import('../src/graph/tensor-value.ts').TensorValue} TensorValue */

/**
 * @typedef {object} GradientCase
 * @property {import('../src/graph/model-graph.ts').ModelGraph} graph
 * @property {ReadonlyMap<string, TensorValue>} weights
 * @property {readonly string[]} layers the value behind every layer
 * @property {(first: number, count: number) => Promise<ReadonlyMap<string, TensorValue>>} inputs
 * @property {(first: number, count: number) => Promise<TensorValue>} labels
 */

/** @param {string} name @param {number} samples @param {string} zoo @returns {Promise<GradientCase>} */
export async function openCase(name, samples, zoo) {
  switch (name) {
    case 'vit':
      return trained(path.join(zoo, 'vit-digits'), 'clean-test.npz', samples);
    case 'charlm':
      return trained(path.join(zoo, 'charlm'), 'kjv.npz', samples);
    case 'encoder':
      return random(encoder(), samples);
    default:
      return random(residualNetwork(), samples);
  }
}

/** @param {string} family @param {string} data @param {number} samples @returns {Promise<GradientCase>} */
async function trained(family, data, samples) {
  const base = path.join(family, 'base');
  const study = {
    spec: {
      name: 'bench',
      base,
      tasks: [],
      graph: path.join(family, 'onnx/base.onnx'),
      data: [{ name: 'data', path: path.join(family, 'data', data) }],
    },
    base: got(await openCheckpoint(base)),
    tasks: [],
  };
  const opened = got(
    await openStudyNetwork(/** @type {any} */ (study), /** @type {any} */ ({ samples, seed: 0 })),
  );
  const set = got(await opened.samplesOf(null));
  const { map, layers } = opened.network;
  return {
    graph: map.graph,
    weights: got(await opened.weightsOf(null, new globalThis.AbortController().signal)),
    layers: layers.map(({ output }) => output),
    inputs: async (first, count) => got(await set.feeds(first, count)),
    labels: async (first, count) => {
      const labels = got(await set.labels(first, count));
      if (labels === null) throw new Error(`${data} has no labels`);
      return labels;
    },
  };
}

/** @param {import('./networks.mjs').RandomNetwork} network @param {number} samples @returns {Promise<GradientCase>} */
async function random({ graph, layers, sample, classes }, samples) {
  const size = sample.reduce((product, length) => product * length, 1);
  const values = randomValues(samples * size, 77);
  /** @type {Map<string, TensorValue>} */
  const weights = new Map();
  for (const [name, tensor] of graph.initializers) {
    if (!/\.(weight|bias)$/.test(name)) continue;
    // The graph's own bytes: a model read from a file would be in memory once, too.
    if (tensor.data.kind === 'memory')
      weights.set(name, tensorOverBytes('float32', tensor.shape, tensor.data.bytes));
  }
  return {
    graph,
    weights,
    layers,
    inputs: async (first, count) =>
      new Map([
        ['x', tensorValue('float32', [count, ...sample], values.slice(first * size, (first + count) * size))],
      ]),
    labels: async (first, count) =>
      tensorValue(
        'int64',
        [count],
        Array.from({ length: count }, (_, i) => (first + i) % classes),
      ),
  };
}

/** @template T @param {import('../src/protocol/result.ts').Result<T>} result @returns {T} */
export function got(result) {
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
}
