// How fast values come out of the blocks of every type of GGUF in a file, and how fast gguf-py makes them, where Python has it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { OpenFiles } from '../src/tensor/open-files.ts';
import { BLOCK_FORMATS } from '../src/tensor/stored/blocks/registry.ts';

const ELEMENTS = 1 << 22;
/** As much as a worker reads at a time. */
const CHUNK = 1 << 20;
/** The first of them run before the engine has compiled the kernels with all its care. */
const ROUNDS = 40;
/** `PYTHON=/path/to/python npm run bench` takes another one, which may have the module `gguf`. */
const PYTHON = process.env['PYTHON'] ?? 'python3';

const PEER = `
import sys, time, numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, quants
kind = Type[sys.argv[1]]
elements, size = GGML_QUANT_SIZES[kind]
data = np.fromfile(sys.argv[2], dtype=np.uint8)[:65536 // elements * size].reshape(1, -1)
np.seterr(all="ignore")
best = 1e9
for _ in range(8):
    start = time.perf_counter()
    out = quants.dequantize(data, kind)
    best = min(best, time.perf_counter() - start)
print(out.size / best / 1e9)
`;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export function measure(scratch) {
  const file = path.join(scratch, 'blocks.bin');
  /** @type {[string, string][]} */
  const figures = [];
  for (const [name, { elements, bytes }] of Object.entries(BLOCK_FORMATS)) {
    const size = (ELEMENTS / elements) * bytes;
    fs.writeFileSync(
      file,
      new Uint8Array(size).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 26),
    );
    const ours = fromFile(file, /** @type {keyof typeof BLOCK_FORMATS} */ (name), size);
    const theirs = byPeer(name, file);
    const compared =
      theirs === null ? '' : ` (gguf-py ${theirs.toFixed(3)}, ${(ours / theirs).toFixed(0)} ×)`;
    figures.push([name, `${ours.toFixed(2)} Gelem/s${compared}`]);
  }
  return Promise.resolve({
    title: 'GGUF, every quantised type to float32',
    setup: `${String(ELEMENTS)} elements in a file in the page cache, 1 MiB of values at a time; one thread, the best piece`,
    command: 'npm run bench -- --only=gguf-types',
    figures,
  });
}

/** Gelem/s of the best piece. @param {string} file @param {keyof typeof BLOCK_FORMATS} format @param {number} size */
function fromFile(file, format, size) {
  const place = { offset: 0, bytes: size };
  const source = {
    path: file,
    ...place,
    dtype: /** @type {const} */ ('U8'),
    shape: [size],
    count: size,
  };
  const stored = /** @type {const} */ ({
    kind: 'blocks',
    format,
    bigEndian: false,
    label: format,
    ...place,
    source,
  });
  const span = {
    path: file,
    offset: 0,
    bytes: 4 * ELEMENTS,
    dtype: /** @type {const} */ ('F32'),
    shape: [ELEMENTS],
    count: ELEMENTS,
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

/** The same of gguf-py; `null` where Python does not have it, or it does not know the type. @param {string} name @param {string} file */
function byPeer(name, file) {
  try {
    return Number(
      execFileSync(PYTHON, ['-c', PEER, name, file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } catch {
    return null;
  }
}
