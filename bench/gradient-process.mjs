// Runs one network forwards and backwards, in a process of its own, and prints seconds a sample and the peak of memory:
// `gradient-process.mjs CASE SAMPLES BATCH ZOO FOLDER`. Weights and data are left in the folder for the peers.
import path from 'node:path';
import { accumulate } from '../src/graph/gradients/accumulate.ts';
import { openGradientSession } from '../src/graph/gradients/gradient-graph.ts';
import { openSession } from '../src/graph/session.ts';
import { quantile } from './command-line.mjs';
import { got, openCase } from './gradient-cases.mjs';
import { writeTensors } from './safetensors.mjs';

const [name = '', samplesWord, batchWord, zoo = '', folder = ''] = process.argv.slice(2);
const samples = Number(samplesWord);
const batch = Number(batchWord);
const RUNS = samples > 32 ? 3 : 1;
/** @type {import('../src/graph/objective/objective.ts').Objective} */
const objective = { kind: 'log-likelihood', output: 'logits' };

const { graph, weights, layers, inputs, labels } = await openCase(name, samples, zoo);
writeFiles(await inputs(0, samples), await labels(0, samples));

/** @param {number} size */
async function* runs(size) {
  for (let first = 0; first < samples; first += size) {
    const count = Math.min(size, samples - first);
    yield { inputs: await inputs(first, count), reference: await labels(first, count), count };
  }
}

/** @param {import('../src/graph/gradients/gradient-graph.ts').Accumulation} accumulation @param {number} size */
async function gradients(accumulation, size) {
  /** @type {number[]} */
  const seconds = [];
  let trace = 0;
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now();
    let first = 0;
    const summed = got(
      await accumulate(graph, weights, runs(size), {
        objective,
        accumulation,
        onRun: () => {
          first ||= performance.now();
          return true;
        },
      }),
    );
    // The first run makes the session: what that takes is told apart.
    const rest = samples - size;
    seconds.push(rest > 0 ? (performance.now() - first) / 1000 / rest : (first - begin) / 1000 / samples);
    trace = 0;
    for (const means of summed.means.values()) for (let i = 0; i < means.length; i++) trace += means[i] ?? 0;
  }
  return { seconds: quantile(seconds, 0.5), trace };
}

async function forward() {
  const session = got(await openSession(graph, { outputs: layers, weights: new Set(weights.keys()) }));
  const size = Math.min(batch, samples);
  const feeds = new Map([...weights, ...(await inputs(0, size))]);
  const seconds = [];
  for (let run = 0; run < RUNS + 1; run++) {
    const begin = performance.now();
    got(await session.run(feeds));
    seconds.push((performance.now() - begin) / 1000 / size);
  }
  await session.release();
  return quantile(seconds.slice(1), 0.5);
}

/** Seconds to make a session for the gradients of one sample: tracing, differentiating, and the runtime's own work. */
async function preparing() {
  const begin = performance.now();
  const feeds = new Map([...weights, ...(await inputs(0, 1))]);
  const opened = got(await openGradientSession(graph, feeds, objective, [...weights.keys()], 'squares'));
  await opened.session.release();
  return (performance.now() - begin) / 1000;
}

/** @param {ReadonlyMap<string, any>} given @param {any} reference */
function writeFiles(given, reference) {
  writeTensors(path.join(folder, 'weights.safetensors'), /** @type {any} */ (weightFile()));
  const [x] = given.values();
  writeTensors(
    path.join(folder, 'data.safetensors'),
    new Map([
      ['x', { shape: x.shape, data: x.data }],
      ['y', { shape: reference.shape, data: reference.data }],
    ]),
  );
}

function weightFile() {
  const all = new Map(weights);
  // Running statistics: the network's, but nothing to differentiate for.
  for (const [key, { shape, data }] of graph.initializers) {
    if (!key.includes('.running_') || data.kind !== 'memory') continue;
    const values = new Float32Array(data.bytes.slice().buffer);
    all.set(key, { type: 'float32', shape, data: values });
  }
  return all;
}

const fisher = await gradients('squares', 1);
const peakMiB = process.resourceUsage().maxRSS / 1024;
const mean = await gradients('sum', batch);
console.log(
  JSON.stringify({
    forward: await forward(),
    mean: mean.seconds,
    fisher: fisher.seconds,
    trace: fisher.trace,
    preparing: await preparing(),
    nodes: graph.nodes.length,
    peakMiB,
  }),
);
process.exit(0);
