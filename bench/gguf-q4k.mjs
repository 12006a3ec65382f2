// How fast values come out of Q4_K blocks in a file, and how fast NumPy makes them the way gguf-py does.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { OpenFiles } from '../src/tensor/open-files.ts';

const BLOCKS = 1 << 16;
const BYTES = 144;
const ELEMENTS = 256;
/** As much as a worker reads at a time. */
const CHUNK = 1 << 20;
const ROUNDS = 7;

/** Unpacks scales and codes of all blocks at once, as array operations. */
const NUMPY = `
import sys, time, numpy as np
blocks = np.fromfile(sys.argv[1], dtype=np.uint8).reshape(-1, 144)
best = 1e9
for _ in range(3):
    for first in range(0, len(blocks), 1024):
        start = time.perf_counter()
        part = blocks[first:first + 1024]
        n = len(part)
        d = part[:, 0:2].copy().view(np.float16).astype(np.float32)
        m = part[:, 2:4].copy().view(np.float16).astype(np.float32)
        s = part[:, 4:16].reshape(n, 3, 4)
        scale = np.concatenate([s[:, 0] & 63, (s[:, 2] & 15) | ((s[:, 0] >> 2) & 48)], axis=-1).astype(np.float32)
        least = np.concatenate([s[:, 1] & 63, (s[:, 2] >> 4) | ((s[:, 1] >> 2) & 48)], axis=-1).astype(np.float32)
        codes = part[:, 16:].reshape(n, 4, 1, 32) >> np.array([0, 4], dtype=np.uint8).reshape(1, 1, 2, 1)
        codes = (codes & 15).reshape(n, 8, 32).astype(np.float32)
        values = (d * scale).reshape(n, 8, 1) * codes - (m * least).reshape(n, 8, 1)
        best = min(best, time.perf_counter() - start)
print(1024 * 256 / best / 1e9)
`;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export function measure(scratch) {
  const file = path.join(scratch, 'blocks.q4k');
  fs.writeFileSync(file, blocks());
  const ours = fromFile(file);
  const numpy = byNumpy(file);
  return Promise.resolve({
    title: 'GGUF, Q4_K to float32',
    setup: `${BLOCKS * ELEMENTS} elements in a file in the page cache, 1 MiB of values at a time; one thread, the best piece`,
    command: 'npm run bench -- --only=gguf-q4k',
    figures: [
      ['Deltalens', `${ours.toFixed(2)} Gelem/s`],
      ['NumPy, as gguf-py does it', numpy === null ? 'not here' : `${numpy.toFixed(2)} Gelem/s`],
      ['ratio', numpy === null ? '–' : `${(ours / numpy).toFixed(1)} ×`],
    ],
  });
}

/** Blocks whose scales are small numbers. */
function blocks() {
  const bytes = new Uint8Array(BLOCKS * BYTES).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  for (let at = 0; at < bytes.length; at += BYTES) bytes.set([0x66, 0x16, 0x66, 0x1a], at);
  return bytes;
}

/** Gelem/s of the best of some hundred pieces: what else runs on a machine slows single ones. @param {string} file */
function fromFile(file) {
  const place = { offset: 0, bytes: BLOCKS * BYTES };
  const count = BLOCKS * ELEMENTS;
  const source = {
    path: file,
    ...place,
    dtype: /** @type {const} */ ('U8'),
    shape: [place.bytes],
    count: place.bytes,
  };
  const stored = /** @type {const} */ ({
    kind: 'blocks',
    format: 'Q4_K',
    bigEndian: false,
    label: 'Q4_K',
    ...place,
    source,
  });
  const span = {
    path: file,
    offset: 0,
    bytes: 4 * count,
    dtype: /** @type {const} */ ('F32'),
    shape: [count],
    count,
    stored,
  };
  const files = new OpenFiles();
  const target = new Uint8Array(CHUNK);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    for (let at = 0; at < span.bytes; at += CHUNK) {
      const start = performance.now();
      files.read(span, at, target);
      best = Math.min(best, performance.now() - start);
    }
  }
  files.close();
  return CHUNK / 4 / best / 1e6;
}

/** The same of NumPy; `null` where there is none. @param {string} file */
function byNumpy(file) {
  try {
    return Number(execFileSync('python3', ['-c', NUMPY, file], { encoding: 'utf8' }));
  } catch {
    return null;
  }
}
