// How fast weights come out of the packed layouts of libraries, whole tensors from a file; and NumPy with the same arithmetic.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { openCheckpoint } from '../src/format/registry.ts';
import { OpenFiles } from '../src/tensor/open-files.ts';

const [OUTPUTS, INPUTS, GROUP] = [4096, 4096, 128];
const ELEMENTS = OUTPUTS * INPUTS;
/** As much as a worker reads at a time. */
const CHUNK = 1 << 20;
/** The first of them run before the engine has compiled the kernels with all its care. */
const ROUNDS = 15;

/** @typedef {{ dtype: string, shape: number[], bytes: number, fill?: (data: Buffer) => void }} Part */

/** @param {number} value @param {number} count @returns {(data: Buffer) => void} */
const floats = (value, count) => (data) => {
  for (let i = 0; i < count; i++) data.writeFloatLE(value * (1 + (i % 7) / 8), 4 * i);
};
/** @param {number[]} shape @param {number} size @returns {number} */
const bytesOf = (shape, size) => shape.reduce((product, length) => product * length, size);
/** @param {string} dtype @param {number[]} shape @returns {Part} */
const codes = (dtype, shape) => ({ dtype, shape, bytes: bytesOf(shape, dtype === 'I32' ? 4 : 1) });
/** @param {number[]} shape @returns {Part} */
const scales = (shape) => ({
  dtype: 'F32',
  shape,
  bytes: bytesOf(shape, 4),
  fill: floats(0.01, bytesOf(shape, 1)),
});
/** @param {object} state @returns {Part} */
const description = (state) => {
  const text = Buffer.from(JSON.stringify(state));
  return { dtype: 'U8', shape: [text.length], bytes: text.length, fill: (data) => void text.copy(data) };
};
const GROUPS = INPUTS / GROUP;
const WORDS = 8;

/** @type {Record<string, { parts: Record<string, Part>, config?: object, numpy: string }>} */
const LAYOUTS = {
  'GPTQ 4 bit': {
    parts: {
      'm.qweight': codes('I32', [INPUTS / WORDS, OUTPUTS]),
      'm.qzeros': codes('I32', [GROUPS, OUTPUTS / WORDS]),
      'm.scales': scales([GROUPS, OUTPUTS]),
      'm.g_idx': {
        dtype: 'I32',
        shape: [INPUTS],
        bytes: 4 * INPUTS,
        fill: (data) => {
          for (let i = 0; i < INPUTS; i++) data.writeInt32LE(Math.floor(i / GROUP), 4 * i);
        },
      },
    },
    config: { quant_method: 'gptq', bits: 4 },
    numpy: `
shift = np.arange(0, 32, 4, dtype=np.int32)
zeros = (((p["m.qzeros"][:, :, None] >> shift) & 15) + 1).reshape(p["m.scales"].shape)
w = ((p["m.qweight"][:, None, :] >> shift[None, :, None]) & 15).reshape(${INPUTS}, ${OUTPUTS})
g = p["m.g_idx"]
out = ((w - zeros[g]) * p["m.scales"][g]).T`,
  },
  'AWQ 4 bit': {
    parts: {
      'm.qweight': codes('I32', [INPUTS, OUTPUTS / WORDS]),
      'm.qzeros': codes('I32', [GROUPS, OUTPUTS / WORDS]),
      'm.scales': scales([GROUPS, OUTPUTS]),
    },
    numpy: `
shift = 4 * np.array([0, 4, 1, 5, 2, 6, 3, 7], dtype=np.int32)
zeros = ((p["m.qzeros"][:, :, None] >> shift) & 15).reshape(${GROUPS}, ${OUTPUTS})
w = ((p["m.qweight"][:, :, None] >> shift) & 15).reshape(${INPUTS}, ${OUTPUTS})
out = ((w - zeros.repeat(${GROUP}, 0)) * p["m.scales"].repeat(${GROUP}, 0)).T`,
  },
  'compressed-tensors int4': {
    parts: {
      'm.weight_packed': codes('I32', [OUTPUTS, INPUTS / WORDS]),
      'm.weight_scale': scales([OUTPUTS, GROUPS]),
      'm.weight_shape': {
        dtype: 'I32',
        shape: [2],
        bytes: 8,
        fill: (data) => {
          data.writeInt32LE(OUTPUTS, 0);
          data.writeInt32LE(INPUTS, 4);
        },
      },
    },
    numpy: `
w = ((p["m.weight_packed"][:, :, None] >> np.arange(0, 32, 4, dtype=np.int32)) & 15).reshape(${OUTPUTS}, ${GROUPS}, ${GROUP}) - 8
out = w.astype(np.float32) * p["m.weight_scale"][:, :, None]`,
  },
  'bitsandbytes NF4': {
    parts: {
      'm.weight': codes('U8', [ELEMENTS / 2, 1]),
      'm.weight.absmax': scales([ELEMENTS / 64]),
      'm.weight.quant_state.bitsandbytes__nf4': description({
        quant_type: 'nf4',
        blocksize: 64,
        dtype: 'bfloat16',
        shape: [OUTPUTS, INPUTS],
      }),
    },
    numpy: `
table = np.linspace(-1, 1, 16, dtype=np.float32)
both = p["m.weight"].reshape(-1)
w = np.stack([table[both >> 4], table[both & 15]], -1).reshape(-1, 64)
out = w * p["m.weight.absmax"][:, None]`,
  },
  'bitsandbytes int8': {
    parts: { 'm.weight': codes('I8', [OUTPUTS, INPUTS]), 'm.SCB': scales([OUTPUTS]) },
    numpy: `out = p["m.weight"].astype(np.float32) * (p["m.SCB"] / 127)[:, None]`,
  },
  'FP8, blocks of 128×128': {
    parts: {
      'm.weight': codes('F8_E4M3', [OUTPUTS, INPUTS]),
      'm.weight_scale_inv': scales([OUTPUTS / 128, INPUTS / 128]),
    },
    numpy: `
table = np.arange(256, dtype=np.float32)
w = table[p["m.weight"]].reshape(${OUTPUTS / 128}, 128, ${INPUTS / 128}, 128)
out = w * p["m.weight_scale_inv"][:, None, :, None]`,
  },
  'NVFP4, groups of 16': {
    parts: {
      'm.weight_packed': codes('U8', [OUTPUTS, INPUTS / 2]),
      'm.weight_scale': { ...codes('F8_E4M3', [OUTPUTS, INPUTS / 16]) },
      'm.weight_global_scale': scales([1]),
    },
    numpy: `
table = np.arange(16, dtype=np.float32)
both = p["m.weight_packed"]
scale = np.arange(256, dtype=np.float32)[p["m.weight_scale"]] / p["m.weight_global_scale"]
w = np.stack([table[both & 15], table[both >> 4]], -1).reshape(${OUTPUTS}, -1, 16)
out = w * scale[:, :, None]`,
  },
};

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure(scratch) {
  /** @type {[string, string][]} */
  const figures = [];
  for (const [name, { parts, config, numpy }] of Object.entries(LAYOUTS)) {
    const folder = path.join(scratch, `packed-${String(figures.length)}`);
    const offsets = writeModel(folder, parts, config);
    const ours = await fromFile(path.join(folder, 'model.safetensors'));
    const theirs = byNumpy(path.join(folder, 'model.safetensors'), offsets, numpy);
    const compared = theirs === null ? '' : ` (NumPy ${theirs.toFixed(2)}, ${(ours / theirs).toFixed(0)} ×)`;
    figures.push([name, `${ours.toFixed(2)} Gelem/s${compared}`]);
    fs.rmSync(folder, { recursive: true });
  }
  return {
    title: 'Packed weights to float32',
    setup: `${String(OUTPUTS)} × ${String(INPUTS)} from a file in the page cache, opened anew, 1 MiB of values at a time; one thread, the best of ${String(ROUNDS)}`,
    command: 'npm run bench -- --only=packed-weights',
    figures,
  };
}

/** Writes `model.safetensors` with numbers without order; where the parts lie. @param {string} folder @param {Record<string, Part>} parts @param {object | undefined} config */
function writeModel(folder, parts, config) {
  fs.mkdirSync(folder);
  /** @type {Record<string, { dtype: string, shape: number[], data_offsets: [number, number] }>} */
  const header = {};
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(parts)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = JSON.stringify(header);
  const front = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  front.writeBigUInt64LE(BigInt(front.length - 8));
  front.write(text, 8);
  const data = Buffer.alloc(end);
  for (let i = 0; i < end; i++) data[i] = Math.imul(i, 0x9e3779b1) >>> 25;
  for (const [name, { fill }] of Object.entries(parts)) {
    const [from = 0, to = 0] = header[name]?.data_offsets ?? [];
    fill?.(data.subarray(from, to));
  }
  fs.writeFileSync(path.join(folder, 'model.safetensors'), Buffer.concat([front, data]));
  if (config)
    fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ quantization_config: config }));
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from],
        },
      ]) => [name, [front.length + from, dtype, shape]],
    ),
  );
}

/** Gelem/s of the best of some passes over the whole tensor. @param {string} file */
async function fromFile(file) {
  const opened = await openCheckpoint(file);
  if (!opened.ok) throw new Error(opened.problem.message);
  const span = opened.value.tensors.find(({ name }) => name === 'm.weight')?.span;
  if (!span?.stored) throw new Error('The weight is not read as packed.');
  const target = new Uint8Array(CHUNK);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const files = new OpenFiles();
    const start = performance.now();
    for (let at = 0; at < span.bytes; at += CHUNK) files.read(span, at, target);
    best = Math.min(best, performance.now() - start);
    files.close();
  }
  return span.count / best / 1e6;
}

/** The same of NumPy; `null` where there is none. @param {string} file @param {object} offsets @param {string} script */
function byNumpy(file, offsets, script) {
  const whole = `
import json, sys, time, numpy as np
kinds = {"I32": np.int32, "F32": np.float32, "U8": np.uint8, "I8": np.int8, "F8_E4M3": np.uint8}
data = open(sys.argv[1], "rb").read()
p = {}
for name, (at, kind, shape) in json.loads(sys.argv[2]).items():
    p[name] = np.frombuffer(data, kinds[kind], int(np.prod(shape)), at).reshape(shape)
best = 1e9
for _ in range(2):
    start = time.perf_counter()
${script
  .trim()
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
    best = min(best, time.perf_counter() - start)
print(out.size / best / 1e9)
`;
  try {
    return Number(
      execFileSync('python3', ['-c', whole, file, JSON.stringify(offsets)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } catch {
    return null;
  }
}
