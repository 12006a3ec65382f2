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
  const runs = [];
  const starts = [];
  for (let run = 0; run < RUNS; run++) {
    runs.push(runDeltalens(words));
    starts.push(runDeltalens(['formats', '--json']));
  }
  /** @param {typeof runs} of */
  const median = (of) => {
    const seconds = of.map((run) => run.seconds);
    return `${(quantile(seconds, 0.5) * 1000).toFixed(0)} ms`;
  };
  return {
    title,
    setup: `${(bytes / 1e9).toFixed(0)} GB in 100 sparse files, ${tensors.length} tensors, ${RUNS} runs`,
    command: 'deltalens inspect model.safetensors.index.json --json',
    figures: [
      ['whole command, median', median(runs)],
      ['`deltalens formats`, which opens nothing, median', median(starts)],
      ['peak memory', `${Math.max(...runs.map((run) => run.peakMiB)).toFixed(0)} MiB`],
    ],
  };
}
