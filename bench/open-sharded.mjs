// How long it takes to open models of 100 and of 500 shards without reading their values.
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { transformer, writeSparseShards } from './safetensors.mjs';

const RUNS = 5;

/** 141 GB: a model of 70 billion parameters. */
export const hundred = row('Open a sharded checkpoint', 100, {
  layers: 88,
  width: 8192,
  hidden: 28672,
  keyWidth: 1024,
  vocabulary: 128256,
});

/** A terabyte. */
export const fiveHundred = row('Open a checkpoint of 500 shards', 500, {
  layers: 156,
  width: 16384,
  hidden: 53248,
  keyWidth: 1024,
  vocabulary: 128256,
});

/**
 * @param {string} title @param {number} shards
 * @param {Parameters<typeof transformer>[0]} sizes
 */
function row(title, shards, sizes) {
  /** @param {string} scratch @returns {import('../scripts/bench.mjs').Row} */
  const measure = (scratch) => {
    const tensors = transformer(sizes);
    const { index, bytes } = writeSparseShards(path.join(scratch, 'sharded'), tensors, shards);
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
      setup: `${(bytes / 1e9).toFixed(0)} GB in ${shards} sparse files, ${tensors.length} tensors, ${RUNS} runs`,
      command: 'deltalens inspect model.safetensors.index.json --json',
      figures: [
        ['whole command, median', median(runs)],
        ['`deltalens formats`, which opens nothing, median', median(starts)],
        ['peak memory', `${Math.max(...runs.map((run) => run.peakMiB)).toFixed(0)} MiB`],
      ],
    };
  };
  return { title, measure };
}
