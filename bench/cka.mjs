// How long CKA of all pairs of layers takes once the features are there, next to a script with numpy.
import os from 'node:os';
import { runScript } from './peers/run.mjs';

export const title = 'CKA of every layer with every other';
const LAYERS = 25;
const SAMPLES = 2048;
const FEATURES = 1024;

/** @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure() {
  const { centred, linearCka } = await import('../src/lens/activations/linear-cka.ts');
  const { randomValues } = await import('./networks.mjs');
  const features = Array.from({ length: LAYERS }, (_, layer) => ({
    rows: SAMPLES,
    columns: FEATURES,
    values: Float64Array.from(randomValues(SAMPLES * FEATURES, layer + 1)),
  }));
  const load = os.loadavg()[0]?.toFixed(1);
  const start = performance.now();
  const layers = features.map((layer) => centred(layer, LAYERS));
  layers.forEach((x, i) => layers.slice(i).forEach((y) => linearCka(x, y)));
  const own = (performance.now() - start) / 1000;
  const peer = runScript('cka.py', [LAYERS, SAMPLES, FEATURES].map(String), os.availableParallelism());
  /** @type {[string, string][]} */
  const peers = Object.entries(peer ?? {}).map(([name, seconds]) => [
    `numpy, ${name}`,
    `${seconds.toFixed(2)} s, ours has ${(seconds / own).toFixed(2)} × its throughput`,
  ]);
  return {
    title,
    setup: `${LAYERS} layers × ${SAMPLES} samples × ${FEATURES} features in memory, one run each; plain and debiased in float64; load average ${load}`,
    command: 'npm run bench -- --only=cka',
    figures: [['Deltalens', `${own.toFixed(2)} s`], ...peers],
  };
}
