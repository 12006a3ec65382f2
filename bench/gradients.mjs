// Networks forwards and backwards, next to the same ones in PyTorch.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../scripts/run.mjs';
import { peerVersions, runScript } from './peers/run.mjs';

const ZOO = path.join(root, '../shared/zoo');
const MINUTES = 10;

/** @typedef {{ title: string, samples: number, batch: number, needsZoo: boolean, embedding?: string }} Case */

/** @type {Readonly<Record<string, Case>>} */
const CASES = {
  vit: { title: 'ViT of 6 layers, 64 wide', samples: 256, batch: 64, needsZoo: true },
  charlm: {
    title: 'Language model of 4 layers, 128 wide, on 64 tokens',
    samples: 64,
    batch: 16,
    needsZoo: true,
    embedding: '; embedding rows dense on both sides',
  },
  encoder: {
    title: 'Encoder of 12 layers, 768 wide, on 64 tokens',
    samples: 16,
    batch: 4,
    needsZoo: false,
  },
  residual: {
    title: 'Residual network of 18 layers, on 64 × 64 pixels',
    samples: 32,
    batch: 8,
    needsZoo: false,
  },
};

/** @param {string} name */
function row(name) {
  return { measure: (/** @type {string} */ scratch) => measure(name, scratch) };
}
export const vit = row('vit');
export const charlm = row('charlm');
export const encoder = row('encoder');
export const residual = row('residual');

/** @param {string} name @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
async function measure(name, scratch) {
  const given = CASES[name];
  if (!given) throw new Error(name);
  const { samples, batch, needsZoo, embedding = '' } = given;
  const title = `Gradients: ${given.title}`;
  const command = `npm run bench -- --only=gradients-${name}`;
  if (needsZoo && !fs.existsSync(ZOO)) {
    return { title, setup: `Not measured: needs ${ZOO}`, command, figures: [] };
  }
  const load = os.loadavg()[0]?.toFixed(1);
  const own = runOwn(name, samples, batch, scratch);
  const versions = peerVersions();
  const words = [name, String(samples), String(batch), scratch];
  const [loop, vmap] = ['loop', 'vmap'].map((how) =>
    'torch' in versions
      ? runScript('gradients.py', [...words, how], os.availableParallelism(), 60 * MINUTES)
      : null,
  );
  const fastest = Math.min(loop?.fisher ?? Infinity, vmap?.fisher ?? Infinity);
  return {
    title,
    setup: `Per sample, over ${samples} samples, batches of ${batch} where there are any, float32, ${os.availableParallelism()} threads on both sides${embedding}; without making the sessions; load average ${load}, torch ${versions.torch ?? 'not here'}`,
    command,
    figures: [
      compared('forwards, all layers given out', own.forward, loop?.forward),
      compared('mean gradient', own.mean, loop?.mean),
      compared('squares of per-sample gradients, against the faster of loop and vmap', own.fisher, fastest),
      ['PyTorch: a loop over samples', text(loop?.fisher)],
      ['PyTorch: vmap', text(vmap?.fisher)],
      ['Σ of the squares, against PyTorch', agreement(own.trace, loop?.trace)],
      ['making the gradient session', `${own.preparing.toFixed(2)} s for ${own.nodes} nodes`],
      [
        'peak memory, against the loop',
        `${own.peakMiB.toFixed(0)} MiB, ${times(own.peakMiB, loop?.peakMiB)}`,
      ],
    ],
  };
}

/** @param {string} name @param {number} samples @param {number} batch @param {string} scratch */
function runOwn(name, samples, batch, scratch) {
  const words = ['--import', 'tsx', path.join(import.meta.dirname, 'gradient-process.mjs')];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...words, name, String(samples), String(batch), ZOO, scratch],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** @param {string} name @param {number} own @param {number | undefined} peer @returns {[string, string]} */
function compared(name, own, peer) {
  const throughput =
    peer === undefined || !Number.isFinite(peer)
      ? ''
      : `, ${(peer / own).toFixed(2)} × the throughput of PyTorch`;
  return [name, `${text(own)}${throughput}`];
}

/** @param {number} own @param {number | undefined} peer */
function times(own, peer) {
  return peer === undefined ? 'PyTorch not here' : `${(own / peer).toFixed(2)} × as much`;
}

/** @param {number} own @param {number | null | undefined} peer */
function agreement(own, peer) {
  return typeof peer === 'number' ? `${Math.abs(own / peer - 1).toExponential(1)} apart` : 'not compared';
}

/** @param {number | undefined} seconds */
function text(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return 'not here';
  return seconds < 1 ? `${(seconds * 1000).toFixed(2)} ms` : `${seconds.toFixed(2)} s`;
}
