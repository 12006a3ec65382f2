// How long the singular values of one large matrix take, next to numpy and torch on the same machine.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quantile } from './command-line.mjs';
import { runDecompositions } from './peers/run.mjs';
import { root } from '../scripts/run.mjs';

export const title = 'Singular values of one matrix';
const SIDE = 4096;
const LARGEST = 64;
const RUNS = 3;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const file = path.join(scratch, 'matrix.f32');
  fs.writeFileSync(file, new Uint8Array(weights(SIDE).buffer));
  const load = os.loadavg()[0]?.toFixed(1);
  const own = await measureOwn(file);
  const peers = runDecompositions([file, SIDE, SIDE, LARGEST]);
  const versions = peers ? `, numpy ${peers.numpy}${peers.torch ? `, torch ${peers.torch}` : ''}` : '';
  return {
    title,
    setup: `${SIDE} × ${SIDE}, float32, from a file, by one worker and the thread that shares in its products; medians of ${RUNS} runs, of the peers' whole decompositions one, with ${os.availableParallelism()} threads and the matrix in memory; load average ${load}${versions}`,
    command: 'npm run bench -- --only=singular-values',
    figures: [
      ['all singular values', text(own.all)],
      ...comparison('numpy.linalg.svd(compute_uv=False)', own.all, peers?.['numpy.linalg.svd']),
      ...comparison('torch.linalg.svdvals', own.all, peers?.['torch.linalg.svdvals']),
      [`${LARGEST} largest, with vectors`, text(own.largest)],
      ...comparison(`torch.svd_lowrank(q=${LARGEST})`, own.largest, peers?.['torch.svd_lowrank']),
    ],
  };
}

/** @param {string} file */
async function measureOwn(file) {
  const { createPassRunner } = await import('../src/tensor/pool.ts');
  const runner = createPassRunner({ workerFile: path.join(root, 'dist/tensor-worker.js'), workers: 1 });
  const count = SIDE * SIDE;
  const span = { path: file, offset: 0, bytes: 4 * count, dtype: 'F32', shape: [SIDE, SIDE], count };
  const source = { rows: SIDE, columns: SIDE, terms: [{ kind: 'tensor', weight: 1, span }] };
  /** @param {object} operation */
  const time = async (operation) => {
    const times = [];
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now();
      const done = await runner.run([{ kind: 'matrix', source, operation }], {
        signal: new globalThis.AbortController().signal,
      });
      if (!done.ok) throw new Error(done.problem.message);
      times.push((performance.now() - start) / 1000);
    }
    return quantile(times, 0.5);
  };
  try {
    const largest = await time({ kind: 'svd', rank: LARGEST });
    return { all: await time({ kind: 'singularValues' }), largest };
  } finally {
    await runner.close();
  }
}

/** @param {string} name @param {number} own @param {number | undefined} peer @returns {[string, string][]} */
function comparison(name, own, peer) {
  return peer === undefined ? [] : [[name, `${text(peer)}, we take ${(own / peer).toFixed(2)} × as long`]];
}

/** @param {number} seconds */
function text(seconds) {
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}

/** Like what training changes: a few strong directions in noise. @param {number} n */
function weights(n) {
  const values = new Float32Array(n * n);
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  for (let i = 0; i < values.length; i++) values[i] = next() + next() + next();
  for (let rank = 0; rank < 32; rank++) {
    const right = Float32Array.from({ length: n }, next);
    for (let i = 0; i < n; i++) {
      const left = (next() * 8) / (rank + 1);
      for (let j = 0; j < n; j++) values[i * n + j] += left * right[j];
    }
  }
  return values;
}
