// How long a study takes that was run before: headers read, the result from the folder of kept results.
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
  const started = [];
  for (let run = 0; run < RUNS; run++) {
    reopened.push(await open(study, lenses, scratch));
    started.push(await open(study, lenses, scratch, false));
  }
  return {
    title,
    setup: `a base and ${TASKS} fine-tunes of ${tensors.length} tensors (sparse files), lenses ${lenses.join(' and ')}, medians of ${RUNS} runs`,
    command: 'deltalens/runLens in a compute process, with a folder of kept results',
    figures: [
      [`${lenses[0]}, computed`, ms(computed[0] ?? 0)],
      [`${lenses[0]}, again, the process just started, as when a window opens`, medianOf(reopened, 0)],
      [`${lenses[1]}, again, next`, medianOf(reopened, 1)],
      [`${lenses[0]}, again, with the start of the process`, medianOf(started, 0)],
    ],
  };
}

/** @param {readonly number[][]} runs @param {number} index */
function medianOf(runs, index) {
  return ms(
    quantile(
      runs.map((times) => times[index] ?? 0),
      0.5,
    ),
  );
}

/** Milliseconds until each lens has answered, in a process of its own that is `awake` or starts with the first of them. */
async function open(study, lenses, scratch, awake = true) {
  const compute = new ComputeProcess(path.join(root, 'dist/compute.js'), () => {});
  const cache = { path: path.join(scratch, 'results'), limit: 2 ** 29 };
  const times = [];
  compute.configure({ scanLimit: 0, known: [], cache, hashContents: false });
  if (awake) await compute.request('deltalens/formats', {});
  let started = performance.now();
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
