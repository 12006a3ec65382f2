// How long the spectra of an adapter take: of one target, and of all targets of a model of seven billion parameters.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { writeCheckpoint } from './safetensors.mjs';

export const title = 'Spectra of an adapter';
const RUNS = 5;
const LAYERS = 32;
const RANK = 16;
const WIDTH = 4096;
const HIDDEN = 11008;

/** Rows and columns of the weight of every target of a layer. */
const TARGETS = {
  'self_attn.q_proj': [WIDTH, WIDTH],
  'self_attn.k_proj': [WIDTH, WIDTH],
  'self_attn.v_proj': [WIDTH, WIDTH],
  'self_attn.o_proj': [WIDTH, WIDTH],
  'mlp.gate_proj': [HIDDEN, WIDTH],
  'mlp.up_proj': [HIDDEN, WIDTH],
  'mlp.down_proj': [WIDTH, HIDDEN],
};

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const adapter = writeAdapter(path.join(scratch, 'adapter'));
  const load = os.loadavg()[0]?.toFixed(1);
  const runs = [];
  for (let run = 0; run < RUNS; run++)
    runs.push(runDeltalens(['lens', 'spectrum', `a=${adapter}`, '--json']));
  const seconds = runs.map((run) => run.seconds);
  const rows = LAYERS * Object.keys(TARGETS).length;
  return {
    title,
    setup: `r = ${RANK}, float32; medians of ${RUNS} runs; load average ${load}`,
    command: 'deltalens lens spectrum a=adapter --json',
    figures: [
      [`one target, ${WIDTH} × ${WIDTH}, in a worker`, `${(await oneTarget()).toFixed(2)} ms`],
      [`${rows} targets, the whole command`, `${quantile(seconds, 0.5).toFixed(2)} s`],
      ['peak memory', `${Math.max(...runs.map((run) => run.peakMiB)).toFixed(0)} MiB`],
    ],
  };
}

/** Milliseconds for the singular values of one target, its factors in memory. */
async function oneTarget() {
  const { lowRankValues } = await import('../src/tensor/linear/low-rank-svd.ts');
  const factor = Float64Array.from({ length: WIDTH * RANK }, (_, i) => Math.sin(i * i));
  const delta = { scale: 2, b: factor, a: factor, rows: WIDTH, columns: WIDTH, rank: RANK };
  const times = Array.from({ length: 40 }, () => {
    const start = performance.now();
    lowRankValues(delta);
    return performance.now() - start;
  });
  return quantile(times, 0.5);
}

/** Writes an adapter of all targets of a model of seven billion parameters. @param {string} folder */
export function writeAdapter(folder) {
  fs.mkdirSync(folder);
  const tensors = Array.from({ length: LAYERS }, (_, layer) =>
    Object.entries(TARGETS).flatMap(([target, [rows, columns]]) => {
      const name = `base_model.model.model.layers.${layer}.${target}`;
      return [
        { name: `${name}.lora_A.weight`, dtype: 'F32', shape: [RANK, columns] },
        { name: `${name}.lora_B.weight`, dtype: 'F32', shape: [rows, RANK] },
      ];
    }),
  ).flat();
  let state = 1;
  writeCheckpoint(path.join(folder, 'adapter_model.safetensors'), tensors, (buffer) => {
    const values = new Float32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      values[i] = state / 2 ** 32 - 0.5;
    }
  });
  const configuration = {
    peft_type: 'LORA',
    r: RANK,
    lora_alpha: 2 * RANK,
    target_modules: Object.keys(TARGETS).map((target) => target.slice(target.indexOf('.') + 1)),
  };
  fs.writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(configuration));
  return folder;
}
