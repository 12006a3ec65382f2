// How fast a task vector is profiled, next to reading the same bytes with the same number of threads.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { quantile, runDeltalens } from './command-line.mjs';
import { RawReaders } from './raw-read.mjs';
import { transformer, writeCheckpoint } from './safetensors.mjs';
import { weights } from './values.mjs';

export const title = 'Profile a task vector';
const RUNS = 3;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const tensors = transformer({ layers: 16, width: 1536, hidden: 6144, keyWidth: 512, vocabulary: 32000 });
  const base = path.join(scratch, 'base.safetensors');
  const tuned = path.join(scratch, 'tuned.safetensors');
  writeCheckpoint(base, tensors, weights('BF16', 0));
  writeCheckpoint(tuned, tensors, weights('BF16', 1));
  const bytes = fs.statSync(base).size + fs.statSync(tuned).size;
  const threads = os.availableParallelism();

  const words = ['lens', 'delta-profile', '--base', base, `tuned=${tuned}`, '--json'];
  const cached = await race([base, tuned], words, threads, () => {});
  // Only Linux lets a program drop a file from the page cache.
  const fromDisk =
    process.platform === 'linux' ? await race([base, tuned], words, threads, dropFromCache) : undefined;
  const memory = [...cached.passes, ...(fromDisk?.passes ?? [])].map((pass) => pass.peakMiB);
  return {
    title,
    setup: `2 checkpoints of ${(bytes / 2e9).toFixed(2)} GB, bf16, ${tensors.length} tensors, ${threads} threads, medians of ${RUNS} runs`,
    command: 'deltalens lens delta-profile --base base.safetensors tuned=tuned.safetensors --json',
    figures: [
      ...figures('in the page cache', cached, bytes),
      ...(fromDisk ? figures('from disk', fromDisk, bytes) : []),
      ['peak memory', `${Math.max(...memory).toFixed(0)} MiB`],
    ],
  };
}

/**
 * Reads and profiles by turns, so that both see the same machine. `before` is called before each; the first read
 * fills the page cache and does not count.
 * @param {readonly string[]} files @param {readonly string[]} words @param {number} threads
 * @param {(file: string) => void} before
 */
async function race(files, words, threads, before) {
  const reads = [];
  const passes = [];
  const readers = new RawReaders(threads);
  await readers.read(files);
  for (let run = 0; run < RUNS; run++) {
    files.forEach(before);
    reads.push(await readers.read(files));
    files.forEach(before);
    passes.push(runDeltalens(words));
  }
  await readers.close();
  return { reads, passes };
}

/** @param {string} where @param {Awaited<ReturnType<typeof race>>} times @param {number} bytes @returns {[string, string][]} */
function figures(where, { reads, passes }, bytes) {
  const profiling = passes.map((pass) => JSON.parse(pass.output).elapsedMs / 1000);
  /** @param {readonly number[]} seconds */
  const speed = (seconds) => bytes / 1e9 / quantile(seconds, 0.5);
  return [
    [`${where}: delta-profile`, `${speed(profiling).toFixed(2)} GB/s`],
    [`${where}: reading the bytes only`, `${speed(reads).toFixed(2)} GB/s`],
    [`${where}: ratio`, (speed(profiling) / speed(reads)).toFixed(2)],
  ];
}

/** Has the operating system forget a file's contents; needs GNU dd. @param {string} file */
function dropFromCache(file) {
  const { status, error } = spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  if (status !== 0)
    throw new Error(`dd could not drop ${file} from the page cache: ${error?.message ?? status}`);
}
