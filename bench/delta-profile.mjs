// How fast a task vector is profiled, next to reading the same bytes with the same number of threads.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { quantile, runDeltalens } from './command-line.mjs';
import { transformer, writeCheckpoint } from './safetensors.mjs';

export const title = 'Profile a task vector';
const RUNS = 3;
const CHUNK = 1 << 22;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  const tensors = transformer({ layers: 16, width: 1536, hidden: 6144, keyWidth: 512, vocabulary: 32000 });
  const base = path.join(scratch, 'base.safetensors');
  const tuned = path.join(scratch, 'tuned.safetensors');
  // The same stream of values twice; the second time every other one has its last bit of mantissa flipped.
  writeCheckpoint(base, tensors, bfloat16Values(0));
  writeCheckpoint(tuned, tensors, bfloat16Values(1));
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
  await readAll(files, threads);
  for (let run = 0; run < RUNS; run++) {
    files.forEach(before);
    reads.push(await readAll(files, threads));
    files.forEach(before);
    passes.push(runDeltalens(words));
  }
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

/**
 * Fills buffers with bf16 numbers of magnitude 2⁻¹⁵ to 2⁻⁷; with `change` 1 every other
 * value differs in its last bit.
 * @param {0 | 1} change
 */
function bfloat16Values(change) {
  let state = 0x2545f491;
  return (/** @type {Buffer} */ buffer) => {
    const words = new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2);
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      // Per half: sign and mantissa are random, the exponent is 112 to 119.
      words[index] = ((state & 0x83ff_83ff) | 0x3800_3800) ^ change;
    }
  };
}

const READER = `
  const fs = require('node:fs');
  const { workerData, parentPort } = require('node:worker_threads');
  const buffer = Buffer.alloc(workerData.chunk);
  for (const { file, start, end } of workerData.parts) {
    const descriptor = fs.openSync(file, 'r');
    for (let at = start; at < end; ) at += fs.readSync(descriptor, buffer, 0, Math.min(buffer.length, end - at), at);
    fs.closeSync(descriptor);
  }
  parentPort.postMessage('done');`;

/** Seconds to read files whole, each thread an equal part of each. @param {readonly string[]} files @param {number} threads */
async function readAll(files, threads) {
  const start = performance.now();
  const readers = Array.from({ length: threads }, (_, index) => {
    const parts = files.map((file) => {
      const { size } = fs.statSync(file);
      const cut = (/** @type {number} */ part) => Math.floor((size * part) / threads);
      return { file, start: cut(index), end: cut(index + 1) };
    });
    const worker = new Worker(READER, { eval: true, workerData: { parts, chunk: CHUNK } });
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  });
  await Promise.all(readers);
  return (performance.now() - start) / 1000;
}
