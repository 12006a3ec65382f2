// How fast files can be read at all: `readSync` into one reused buffer, in threads that are there already.
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';

/** As much as the engine reads at a time. */
const CHUNK = 1 << 20;

const READER = `
  const fs = require('node:fs');
  const { workerData, parentPort } = require('node:worker_threads');
  const buffer = Buffer.alloc(workerData.chunk);
  parentPort.on('message', (parts) => {
    for (const { file, start, end } of parts) {
      const descriptor = fs.openSync(file, 'r');
      for (let at = start; at < end; ) at += fs.readSync(descriptor, buffer, 0, Math.min(buffer.length, end - at), at);
      fs.closeSync(descriptor);
    }
    parentPort.postMessage('done');
  });`;

/** Threads that read files whole, each an equal part of each. */
export class RawReaders {
  /** @param {number} threads */
  constructor(threads) {
    this.workers = Array.from(
      { length: threads },
      () => new Worker(READER, { eval: true, workerData: { chunk: CHUNK } }),
    );
  }

  /** Seconds to read these files. @param {readonly string[]} files */
  async read(files) {
    const { workers } = this;
    const start = performance.now();
    await Promise.all(
      workers.map((worker, index) => {
        const parts = files.map((file) => {
          const { size } = fs.statSync(file);
          const cut = (/** @type {number} */ part) => Math.floor((size * part) / workers.length);
          return { file, start: cut(index), end: cut(index + 1) };
        });
        return new Promise((resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
          worker.postMessage(parts);
        });
      }),
    );
    return (performance.now() - start) / 1000;
  }

  async close() {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
