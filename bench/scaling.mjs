// Whether time grows with the bytes and with nothing else, and memory not at all.
import fs from 'node:fs';
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { runPass, timeOf } from './race.mjs';
import { byteSize, transformer, writeCheckpoint } from './safetensors.mjs';
import { weights } from './values.mjs';

const ROUNDS = 3;
const TIMES = [1, 5, 20, 80];
/** Beyond so many times over once is enough: long runs differ less among themselves. */
const MOST_REPEATED = 20;
const HUGE = 30e9;

/** Pair statistics of 0.1 to 8 GB. */
export const linear = {
  /** @param {string} scratch @returns {import('../scripts/bench.mjs').Row} */
  measure(scratch) {
    const tensors = transformer({ layers: 1, width: 1024, hidden: 4096, keyWidth: 512, vocabulary: 5000 });
    const files = [0, 1].map((task) => {
      const file = path.join(scratch, `${task}.safetensors`);
      writeCheckpoint(file, tensors, weights('BF16', task));
      return file;
    });
    const once = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
    const runs = TIMES.map(() => /** @type {{ seconds: number, peakMiB: number }[]} */ ([]));
    for (let round = 0; round < ROUNDS; round++) {
      TIMES.forEach((times, index) => {
        if (round === 0 || times <= MOST_REPEATED) runs[index]?.push(runPass(files, times));
      });
    }
    return {
      title: 'Time over bytes',
      setup: `pair statistics, BF16, in one pass over ${(once / 1e9).toFixed(2)} GB in the page cache, ${TIMES.join(', ')} times over, medians of ${ROUNDS} rounds, the largest once`,
      command: 'npm run bench -- --only=linear',
      figures: TIMES.map((times, index) => {
        const bytes = times * once;
        const seconds = quantile(runs[index]?.map((run) => run.seconds) ?? [], 0.5);
        const peak = Math.max(...(runs[index]?.map((run) => run.peakMiB) ?? []));
        return [`${(bytes / 1e9).toFixed(1)} GB`, `${timeOf(seconds, bytes)}, ${peak.toFixed(0)} MiB`];
      }),
    };
  },
};

/** Two checkpoints that no memory here holds. */
export const memory = {
  /** @param {string} scratch @returns {import('../scripts/bench.mjs').Row} */
  measure(scratch) {
    const one = transformer({ layers: 1, width: 4096, hidden: 14336, keyWidth: 1024, vocabulary: 32000 });
    const layer = one
      .filter(({ name }) => name.includes('.layers.'))
      .reduce((sum, each) => sum + byteSize(each), 0);
    const layers = Math.ceil(HUGE / layer);
    const tensors = transformer({ layers, width: 4096, hidden: 14336, keyWidth: 1024, vocabulary: 32000 });
    const files = ['base', 'tuned'].map((name) => path.join(scratch, `${name}.safetensors`));
    // Nothing but zeros, which take no room on the disk and all the more in memory, were they held.
    for (const file of files) writeCheckpoint(file, tensors);
    const [base, tuned] = files;
    const words = ['lens', 'delta-profile', '--base', `${base}`, `tuned=${tuned}`, '--json'];
    const run = runDeltalens(words);
    const bytes = 2 * fs.statSync(`${base}`).size;
    return {
      title: 'Checkpoints larger than memory',
      setup: `2 sparse checkpoints of ${(bytes / 2e9).toFixed(1)} GB, BF16, ${tensors.length} tensors`,
      command: 'deltalens lens delta-profile --base base.safetensors tuned=tuned.safetensors --json',
      figures: [
        ['whole command', timeOf(run.seconds, bytes)],
        ['peak memory', `${run.peakMiB.toFixed(0)} MiB`],
      ],
    };
  },
};
