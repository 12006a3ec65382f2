// The engine, reading alone, and the Python peers, by turns over the same files, so that all see the same machine.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../scripts/run.mjs';
import { quantile } from './command-line.mjs';
import { LONGEST_SECONDS, peerNames, runPeer } from './peers/run.mjs';
import { RawReaders } from './raw-read.mjs';

const ROUNDS = 3;
export const THREADS = Math.min(2, os.availableParallelism());
const TUNED = ['numpy', 'torch', 'numba'];

/** One pass of the engine over a base and its fine-tunes, `times` over. @param {readonly string[]} files */
export function runPass(files, times = 1) {
  const script = path.join(root, 'bench/pass-process.mjs');
  const words = ['--import', 'tsx', script, String(THREADS), String(times), ...files];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the pass ended with ${status}: ${stderr}`);
  /** @type {{ seconds: number, peakMiB: number }} */
  const run = JSON.parse(stdout);
  return run;
}

/**
 * Races the engine against reading alone and against `script` of bench/peers.
 * @param {{ title: string, only: string, what: string, script: string, files: readonly string[] }} race
 * @returns {Promise<import('../scripts/bench.mjs').Row>}
 */
export async function raceRow({ title, only, what, script, files }) {
  const bytes = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  const readers = new RawReaders(THREADS);
  await readers.read(files);
  /** @type {number[]} */ const reads = [];
  /** @type {{ seconds: number, peakMiB: number }[]} */ const passes = [];
  /** @type {Record<string, { seconds: number, peakMiB: number }[]>} */ const peers = {};
  const before = os.loadavg()[0] ?? 0;
  for (let round = 0; round < ROUNDS; round++) {
    reads.push(await readers.read(files));
    passes.push(runPass(files));
    for (const how of TUNED) {
      // One that took too long once would take as long again.
      if (peers[how]?.some(({ seconds }) => seconds === Infinity)) continue;
      const run = runPeer(script, how, files);
      if (run) (peers[how] ??= []).push(run);
    }
  }
  await readers.close();
  const whole = runPeer(script, 'whole-torch', files, THREADS);
  const raw = median(reads);
  const pass = median(passes.map((run) => run.seconds));
  const tuned = Object.entries(peers).map(([how, runs]) => ({
    how,
    seconds: runs.some((run) => run.seconds === Infinity) ? Infinity : median(runs.map((run) => run.seconds)),
    peakMiB: peakOf(runs),
  }));
  const finished = tuned.filter(({ seconds }) => seconds < Infinity);
  const best = finished.toSorted((x, y) => x.seconds - y.seconds)[0];
  return {
    title,
    setup: `${what}; ${(bytes / 1e9).toFixed(2)} GB in the page cache, ${THREADS} threads each, medians of ${ROUNDS} rounds by turns, load before ${before.toFixed(1)}; ${peerNames()}`,
    command: `npm run bench -- --only=${only}`,
    figures: [
      ['reading the bytes only', timeOf(raw, bytes)],
      ['Deltalens', timeOf(pass, bytes)],
      ['ratio to reading', (raw / pass).toFixed(2)],
      ...tuned.map(({ how, seconds }) => /** @type {const} */ ([`${how}, tuned`, timeOf(seconds, bytes)])),
      ['faster than the best tuned peer', best ? `${(best.seconds / pass).toFixed(1)} × (${best.how})` : '–'],
      ['torch, whole tensors', whole ? timeOf(whole.seconds, bytes) : '–'],
      [
        'faster than whole tensors',
        whole && whole.seconds < Infinity ? `${(whole.seconds / pass).toFixed(1)} ×` : '–',
      ],
      ['peak memory of Deltalens', `${peakOf(passes).toFixed(0)} MiB`],
      ...finished.map(
        ({ how, peakMiB }) =>
          /** @type {const} */ ([
            `peak memory of ${how}, mapped files included`,
            `${peakMiB.toFixed(0)} MiB`,
          ]),
      ),
    ],
  };
}

/** @param {readonly number[]} values */
function median(values) {
  return quantile(values, 0.5);
}

/** @param {readonly { peakMiB: number }[]} runs */
function peakOf(runs) {
  return Math.max(...runs.map((run) => run.peakMiB));
}

/** @param {number} seconds @param {number} bytes */
export function timeOf(seconds, bytes) {
  if (seconds === Infinity) return `more than ${LONGEST_SECONDS} s`;
  return `${seconds.toFixed(3)} s, ${(bytes / 1e9 / seconds).toFixed(2)} GB/s`;
}
