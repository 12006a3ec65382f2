// How long it takes to open a model of 100 shards without reading its values.
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { transformer, writeSparseShards } from './safetensors.mjs';

export const title = 'Open a sharded checkpoint';
const RUNS = 5;

/** @param {string} scratch @returns {import('../scripts/bench.mjs').Row} */
export function measure(scratch) {
  const tensors = transformer({ layers: 88, width: 8192, hidden: 28672, keyWidth: 1024, vocabulary: 128256 });
  const { index, bytes } = writeSparseShards(path.join(scratch, 'sharded'), tensors, 100);
  const words = ['inspect', index, '--json'];
  const runs = Array.from({ length: RUNS }, () => runDeltalens(words));
  const start = Array.from({ length: RUNS }, () => runDeltalens(['formats', '--json']));
  const median = (/** @type {typeof runs} */ of) =>
    quantile(
      of.map((run) => run.seconds),
      0.5,
    );
  return {
    title,
    setup: `${(bytes / 1e9).toFixed(0)} GB in 100 sparse files, ${tensors.length} tensors, ${RUNS} runs`,
    command: 'deltalens inspect model.safetensors.index.json --json',
    figures: [
      ['whole command, median', `${(median(runs) * 1000).toFixed(0)} ms`],
      ['of that, start of the program', `${(median(start) * 1000).toFixed(0)} ms`],
      ['peak memory', `${Math.max(...runs.map((run) => run.peakMiB)).toFixed(0)} MiB`],
    ],
  };
}
