// How long the page of an adapter takes, and taking an adapter out of a fine-tune, next to torch on the same machine.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { writeAdapter } from './lora-spectrum.mjs';
import { peerNames, runPeer } from './peers/run.mjs';
import { writeCheckpoint } from './safetensors.mjs';

const RUNS = 3;
const SIDE = 4096;
const RANK = 32;
const LAYERS = 32;

const LIBRARY = 20;
const LIBRARY_MODULES = 8;
const LIBRARY_RANK = 16;

export const card = { title: 'Page of an adapter', measure: measureCard };
export const extract = { title: 'Taking an adapter out of a fine-tune', measure: measureExtract };
export const library = { title: 'Cosines of a library of adapters', measure: measureLibrary };

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
async function measureCard(scratch) {
  const adapter = writeAdapter(path.join(scratch, 'adapter'));
  const own = repeated(() => runDeltalens(['lens', 'adapter-card', `a=${adapter}`, '--json']));
  const peer = runPeer(
    'adapters.py',
    'torch',
    ['norms', path.join(adapter, 'adapter_model.safetensors')],
    threads(),
  );
  return {
    title: card.title,
    setup: `224 targets of a model of seven billion parameters, r = 16, float32; medians of ${RUNS} runs; ${where()}`,
    command: 'deltalens lens adapter-card a=adapter --json',
    figures: [
      ['the whole command', `${own.seconds.toFixed(2)} s`],
      ['peak memory', `${own.peakMiB.toFixed(0)} MiB`],
      ...against(
        `torch, norms of B·A formed one by one: of one layer, times ${LAYERS}`,
        own.seconds,
        peer && { ...peer, seconds: LAYERS * peer.seconds },
      ),
    ],
  };
}

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
async function measureExtract(scratch) {
  const [base, tuned] = [path.join(scratch, 'base'), path.join(scratch, 'tuned')];
  writeMatrix(base, 1, 0);
  writeMatrix(tuned, 1, 2);
  let count = 0;
  const own = repeated(() =>
    runDeltalens([
      ...['extract', '--base', base, tuned, '--rank', String(RANK)],
      ...['-o', path.join(scratch, `lora-${count++}`), '--json'],
    ]),
  );
  const files = [base, tuned].map((folder) => path.join(folder, 'model.safetensors'));
  const peer = runPeer('adapters.py', 'torch', ['extract', ...files, String(RANK)], threads());
  return {
    title: extract.title,
    setup: `one ${SIDE} × ${SIDE} matrix, float32, rank ${RANK}; medians of ${RUNS} runs; ${where()}`,
    command: `deltalens extract --base base tuned --rank ${RANK} -o lora --json`,
    figures: [
      ['the whole command, start and writing included', `${own.seconds.toFixed(2)} s`],
      ['peak memory', `${own.peakMiB.toFixed(0)} MiB`],
      ...against(`torch.svd_lowrank(q=${RANK}) of the difference, reading included`, own.seconds, peer),
    ],
  };
}

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
async function measureLibrary(scratch) {
  const adapters = Array.from({ length: LIBRARY }, (_, at) =>
    writeLibraryAdapter(path.join(scratch, `a${at}`), at + 1),
  );
  const words = ['lens', 'adapter-library', ...adapters, '--set', 'mbc=false', '--json'];
  const own = repeated(() => runDeltalens(words));
  const files = adapters.map((folder) => path.join(folder, 'adapter_model.safetensors'));
  const peer = runPeer('adapters.py', 'torch', ['cosines', ...files], threads());
  const products = 2 * LIBRARY_MODULES * SIDE * (LIBRARY * LIBRARY_RANK) ** 2;
  return {
    title: library.title,
    setup: `${LIBRARY} adapters of ${LIBRARY_MODULES} targets ${SIDE} × ${SIDE}, r = ${LIBRARY_RANK}, float32; medians of ${RUNS} runs; ${where()}`,
    command: 'deltalens lens adapter-library a0 … a19 --set mbc=false --json',
    figures: [
      ['the whole command', `${own.seconds.toFixed(2)} s`],
      ['multiplications and additions, of all pairs i ≤ j', `${(products / 1e9).toFixed(0)} · 10⁹`],
      ['peak memory', `${own.peakMiB.toFixed(0)} MiB`],
      ...against('torch, Gram matrices of stacked factors in float32, reading included', own.seconds, peer),
    ],
  };
}

/** @param {() => { seconds: number, peakMiB: number }} run */
function repeated(run) {
  const runs = Array.from({ length: RUNS }, run);
  return {
    seconds: quantile(
      runs.map(({ seconds }) => seconds),
      0.5,
    ),
    peakMiB: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
  };
}

/** @param {string} name @param {number} own @param {import('./peers/run.mjs').PeerRun | null} peer */
function against(name, own, peer) {
  if (!peer) return [];
  return /** @type {const} */ ([
    [name, `${peer.seconds.toFixed(2)} s`],
    ['times as fast', (peer.seconds / own).toFixed(2)],
  ]);
}

function threads() {
  return os.availableParallelism();
}

function where() {
  return `load average ${os.loadavg()[0]?.toFixed(1)}, ${threads()} threads, ${peerNames()}`;
}

/** An adapter of queries alone, entries from −1 to 1. @param {string} folder @param {number} seed */
function writeLibraryAdapter(folder, seed) {
  fs.mkdirSync(folder);
  const config = { peft_type: 'LORA', r: LIBRARY_RANK, lora_alpha: LIBRARY_RANK, target_modules: ['q_proj'] };
  fs.writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(config));
  const tensors = Array.from({ length: LIBRARY_MODULES }, (_, layer) => {
    const name = `base_model.model.model.layers.${layer}.self_attn.q_proj`;
    return [
      { name: `${name}.lora_A.weight`, dtype: /** @type {const} */ ('F32'), shape: [LIBRARY_RANK, SIDE] },
      { name: `${name}.lora_B.weight`, dtype: /** @type {const} */ ('F32'), shape: [SIDE, LIBRARY_RANK] },
    ];
  }).flat();
  let state = seed;
  writeCheckpoint(path.join(folder, 'adapter_model.safetensors'), tensors, (buffer) => {
    const values = new Float32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = state / 2 ** 31 - 1;
    }
  });
  return folder;
}

/**
 * A checkpoint of one matrix: noise, and `parts` more directions than that of the base.
 * @param {string} folder @param {number} seed @param {number} parts
 */
function writeMatrix(folder, seed, parts) {
  fs.mkdirSync(folder);
  const tensors = [
    {
      name: 'model.layers.0.self_attn.q_proj.weight',
      dtype: /** @type {const} */ ('F32'),
      shape: [SIDE, SIDE],
    },
  ];
  let state = seed;
  let at = 0;
  writeCheckpoint(path.join(folder, 'model.safetensors'), tensors, (buffer) => {
    const values = new Float32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
    for (let i = 0; i < values.length; i++, at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const [row, column] = [Math.floor(at / SIDE), at % SIDE];
      let value = state / 2 ** 32 - 0.5;
      for (let k = 1; k <= parts; k++)
        value += 0.01 * Math.sin(k * row) * Math.cos(k * column + row * column);
      values[i] = value;
    }
  });
}
