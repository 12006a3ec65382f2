// How long it takes until the manifest of a model of 200,000 tensors is there to be shown, next to a plain program on the same file.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/run.mjs';
import { quantile } from './command-line.mjs';
import { writeCheckpoint, writeSparseShards } from './safetensors.mjs';

const RUNS = 5;
const LAYERS = 128;
const EXPERTS = 520;
const SHARDS = 100;

export const title = 'Manifest of 200,000 tensors';

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const tensors = mixture();
  const whole = path.join(scratch, 'model.safetensors');
  writeCheckpoint(whole, tensors);
  const { index } = writeSparseShards(path.join(scratch, 'sharded'), tensors, SHARDS);
  const small = path.join(scratch, 'small.safetensors');
  writeCheckpoint(small, tensors.slice(0, 1000));
  const into = path.join(scratch, 'manifest.txt');
  /** @type {Record<'whole' | 'sharded' | 'plain', number[]>} */
  const seconds = { whole: [], sharded: [], plain: [] };
  let bytes = 0;
  for (let run = 0; run < RUNS; run++) {
    seconds.plain.push(await timed('bench/manifest-plain.mjs', [small, whole], into));
    seconds.whole.push(await timed('dist/compute.js', [small, whole], into));
    seconds.sharded.push(await timed('dist/compute.js', [small, index], into));
    bytes = fs.statSync(path.join(scratch, 'manifest.txt.size')).size;
  }
  /** @param {readonly number[]} runs */
  const median = (runs) => quantile(runs, 0.5);
  const ms = (/** @type {readonly number[]} */ runs) => `${(1000 * median(runs)).toFixed(0)} ms`;
  const ratio = (/** @type {readonly number[]} */ runs) => (median(runs) / median(seconds.plain)).toFixed(2);
  return {
    title,
    setup: `${tensors.length} tensors, a text of ${(bytes / 1e6).toFixed(1)} MB, ${RUNS} runs in fresh processes that have made a small one before, medians`,
    command: 'deltalens/manifest, asked of the compute process, until its text is read',
    figures: [
      ['one file', ms(seconds.whole)],
      [`${SHARDS} shards and their index`, ms(seconds.sharded)],
      ['plain: `JSON.parse` of the header, a line a tensor in its order, nothing checked', ms(seconds.plain)],
      ['one file / plain', ratio(seconds.whole)],
      [`${SHARDS} shards / plain`, ratio(seconds.sharded)],
    ],
  };
}

/** A mixture of experts, named as DeepSeek's are. */
function mixture() {
  /** @type {import('./safetensors.mjs').Tensor[]} */
  const tensors = [];
  /** @param {string} name @param {...number} shape */
  const add = (name, ...shape) => tensors.push({ name, dtype: 'BF16', shape });
  add('model.embed_tokens.weight', 129280, 7168);
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${layer}`;
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj'])
      add(`${at}.self_attn.${name}.weight`, 7168, 1536);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) add(`${at}.${name}.weight`, 7168);
    add(`${at}.mlp.gate.weight`, EXPERTS, 7168);
    for (let expert = 0; expert < EXPERTS; expert++) {
      for (const name of ['gate_proj', 'up_proj', 'down_proj'])
        add(`${at}.mlp.experts.${expert}.${name}.weight`, 2048, 7168);
    }
  }
  add('model.norm.weight', 7168);
  add('lm_head.weight', 129280, 7168);
  return tensors;
}

/**
 * Seconds that a process takes for the manifest of the last file, once it has made those of the others.
 * @param {string} program @param {readonly string[]} files @param {string} into
 */
async function timed(program, files, into) {
  const child = fork(path.join(root, program), { serialization: 'advanced', execArgv: [] });
  try {
    let taken = 0;
    for (const [id, file] of files.entries()) {
      const start = performance.now();
      const answer = new Promise((resolve, reject) => {
        child.on('message', (/** @type {any} */ message) => {
          if (message.type === 'answer' && message.id === id) resolve(message.result);
        });
        child.on('exit', () => reject(new Error(`${program} ended.`)));
      });
      const params = { path: file, roots: [], into };
      child.send({ type: 'request', id, name: 'deltalens/manifest', params, manner: {} });
      const { ok, problem } = /** @type {any} */ (await answer);
      if (!ok) throw new Error(problem.message);
      const text = fs.readFileSync(into);
      taken = (performance.now() - start) / 1000;
      fs.rmSync(into);
      fs.writeFileSync(`${into}.size`, text);
    }
    return taken;
  } finally {
    child.removeAllListeners('exit');
    child.kill();
  }
}
