// A process of its own that runs a pass of the engine, so that its memory can be measured:
// pass-process.mjs THREADS TIMES BASE TUNED... does the pass once to be warm, then once TIMES over within one pass.
import path from 'node:path';
import { root } from '../scripts/run.mjs';
import { createPassRunner } from '../src/tensor/pool.ts';
import { readSpans } from './safetensors.mjs';

const [threads, times, ...files] = process.argv.slice(2);
const runner = createPassRunner({
  workerFile: path.join(root, 'dist/tensor-worker.js'),
  workers: Number(threads),
});
const [base, ...tuned] = files.map(readSpans);
const items = Object.entries(base ?? {}).map(([name, span]) => ({
  kind: 'group',
  base: span,
  tasks: tuned.map((spans) => ({ kind: 'dense', span: spans[name] })),
  elementwise: false,
}));

/** @param {readonly object[]} work */
async function seconds(work) {
  const start = performance.now();
  const result = await runner.run(/** @type {never} */ (work), { signal: new AbortController().signal });
  if (!result.ok) throw new Error(result.problem.message);
  return (performance.now() - start) / 1000;
}

await seconds(items);
const taken = await seconds(Array.from({ length: Number(times) }, () => items).flat());
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds: taken, peakMiB }));
await runner.close();
