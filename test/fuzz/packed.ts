import { Buffer } from 'node:buffer';
import type { Checkpoint, TensorEntry } from '../../src/format/checkpoint';
import { withPackedWeights } from '../../src/format/packed/registry';
import { bitsOf } from '../../src/tensor/decode';
import { dtypeByName } from '../../src/tensor/dtype';
import { FOLDER, setFiles } from './engine/memory-files';
import { expectCheckpoint } from './expectations';
import type { FuzzTarget } from './target';

const FILE = 'model.safetensors';
/** Of all tensors together: values are not what this is about. */
const MOST_BYTES = 2 ** 14;
const STATE =
  '{"quant_type":"nf4","blocksize":64,"dtype":"bfloat16","shape":[8,16],"nested_blocksize":256,"nested_offset":0.1,"nested_dtype":"float32"}';

/** A line is a tensor: name, type, shape with commas, and as text what it holds; a line that begins with `{` is `config.json`. */
function checkpointOf(text: string): Checkpoint {
  const files: Record<string, Uint8Array> = {};
  const data = Buffer.alloc(MOST_BYTES, 0x35);
  const tensors = new Map<string, TensorEntry>();
  let end = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('{')) files['config.json'] = Buffer.from(line);
    const [name = '', type = '', sizes = '', ...held] = line.split(' ');
    const dtype = dtypeByName(type)?.name;
    const shape = sizes === '' ? [] : sizes.split(',').map(Number);
    if (dtype === undefined || tensors.has(name) || !shape.every((size) => /^\d{1,6}$/.test(String(size))))
      continue;
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = (count * bitsOf(dtype)) / 8;
    if (!Number.isInteger(bytes) || end + bytes > MOST_BYTES) continue;
    data.write(held.join(' ').slice(0, bytes), end, 'latin1');
    const span = { path: `${FOLDER}/${FILE}`, offset: end, bytes, dtype, shape, count };
    tensors.set(name, { name, span });
    end += bytes;
  }
  setFiles({ ...files, [FILE]: data });
  const path = `${FOLDER}/${FILE}`;
  return {
    path,
    container: 'safetensors',
    files: [{ path, bytes: data.length, modifiedMs: 0 }],
    tensors: [...tensors.values()],
    metadata: {},
    fingerprint: '',
    findings: [],
  };
}

const SEEDS = [
  [
    'a.weight U32 4,8',
    'a.scales F16 4,1',
    'a.biases F16 4,1',
    'b.weight U32 2,4',
    'b.scales U8 2,1',
    '{"quantization":{"group_size":64,"bits":4,"a":{"group_size":32,"bits":8}}}',
  ],
  [
    'a.qweight I32 4,8',
    'a.qzeros I32 2,1',
    'a.scales F16 2,8',
    'a.g_idx I32 32',
    '{"quantization_config":{"quant_method":"gptq","bits":4,"group_size":16}}',
  ],
  [
    'a.qweight I32 16,2',
    'a.qzeros I32 1,2',
    'a.scales F16 1,16',
    '{"quantization_config":{"quant_method":"awq"}}',
  ],
  [
    'a.weight U8 64,1',
    'a.weight.absmax U8 2',
    'a.weight.quant_map F32 16',
    'a.weight.nested_absmax F32 1',
    'a.weight.nested_quant_map F32 256',
    `a.weight.quant_state.bitsandbytes__nf4 U8 ${String(STATE.length)} ${STATE}`,
  ],
  ['a.weight I8 4,6', 'a.SCB F32 4', 'a.weight_format U8 '],
  [
    'a.weight_packed I32 4,2',
    'a.weight_scale F16 4,1',
    'a.weight_zero_point I32 1,1',
    'a.weight_shape I64 2 \x04\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0',
    '{"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"group_0":{"weights":{"num_bits":4}}}}}',
  ],
  ['a.weight_packed U8 4,16', 'a.weight_scale F8_E4M3 4,2', 'a.weight_global_scale F32 1'],
  ['e.gate_up_proj_blocks U8 2,4,2,16', 'e.gate_up_proj_scales U8 2,4,2'],
  [
    'a.weight F8_E4M3 8,8',
    'a.weight_scale_inv F32 2,2',
    'b.weight F8_E4M3 8,8',
    'b.weight_scale F32 8,1',
    '{"quantization_config":{"quant_method":"fp8","weight_block_size":[4,4]}}',
  ],
];

/** Quantised weights that are stored as several tensors, by names, shapes and configuration. */
export const packed: FuzzTarget = {
  name: 'packed',
  modules: /format\/packed\/[\w-]+\.ts$/,
  seeds: () => SEEDS.map((lines) => Buffer.from(lines.join('\n'), 'latin1')),
  run: async (bytes) => {
    expectCheckpoint(await withPackedWeights(checkpointOf(Buffer.from(bytes).toString('latin1'))));
  },
  // A line of twenty bytes may name a tensor of sixteen thousand elements.
  bounds: { workConstant: 2 ** 20, bytesConstant: 2 ** 22 },
};
