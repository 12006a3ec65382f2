// How long a study takes that was run before: a new process, headers read, the result from the folder of kept results.
import path from 'node:path';
import { ComputeProcess } from '../src/server/compute-process.ts';
import { quantile } from './command-line.mjs';
import { transformer, writeCheckpoint } from './safetensors.mjs';
import { root } from '../scripts/run.mjs';

export const title = 'Open a study again';
const RUNS = 7;
const TASKS = 8;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const tensors = transformer({ layers: 32, width: 1024, hidden: 4096, keyWidth: 256, vocabulary: 32000 });
  const files = Array.from({ length: TASKS + 1 }, (_, index) => path.join(scratch, `${index}.safetensors`));
  // Sparse: only the first run reads the values, and what they are does not matter.
  for (const file of files) writeCheckpoint(file, tensors);
  const [base = '', ...tasks] = files;
  const study = {
    name: 'bench',
    base,
    tasks: tasks.map((file, index) => ({ name: `task${index}`, path: file })),
  };
  const lenses = ['delta-profile', 'task-similarity'];
  const computed = await open(study, lenses, scratch);
  const reopened = [];
  for (let run = 0; run < RUNS; run++) reopened.push(await open(study, lenses, scratch));
  const first = reopened.map((times) => times[0] ?? 0);
  const second = reopened.map((times) => times[1] ?? 0);
  return {
    title,
    setup: `a base and ${TASKS} fine-tunes of ${tensors.length} tensors (sparse files), lenses ${lenses.join(' and ')}, medians of ${RUNS} runs`,
    command: 'deltalens/runLens in a new compute process, with a folder of kept results',
    figures: [
      [`${lenses[0]}, computed`, ms(computed[0] ?? 0)],
      [`${lenses[0]}, again, with the start of the process`, ms(quantile(first, 0.5))],
      [`${lenses[1]}, again, in the same process`, ms(quantile(second, 0.5))],
    ],
  };
}

/** Milliseconds until each lens has answered, in a process of its own. */
async function open(study, lenses, scratch) {
  const compute = new ComputeProcess(path.join(root, 'dist/compute.js'), () => {});
  const cache = { path: path.join(scratch, 'results'), limit: 2 ** 29 };
  const times = [];
  let started = performance.now();
  compute.configure({ scanLimit: 0, known: [], cache, hashContents: false });
  for (const lens of lenses) {
    const run = { lens, study, parameters: {} };
    const answer = await compute.request('deltalens/runLens', { run, job: lens });
    if (!answer.ok) throw new Error(answer.problem.message);
    times.push(performance.now() - started);
    started = performance.now();
  }
  compute.close();
  return times;
}

/** @param {number} value */
function ms(value) {
  return `${value.toFixed(0)} ms`;
}
