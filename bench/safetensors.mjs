// Writes the checkpoints that the benchmarks read.
import fs from 'node:fs';
import path from 'node:path';

/** @typedef {{ name: string, dtype: 'BF16' | 'F32', shape: readonly number[] }} Tensor */

const BYTES = { BF16: 2, F32: 4 };

/** @param {Tensor} tensor */
export function byteSize({ dtype, shape }) {
  return shape.reduce((product, size) => product * size, BYTES[dtype]);
}

/**
 * Tensors of a decoder-only transformer, Llama's names and shapes.
 * @param {{ layers: number, width: number, hidden: number, keyWidth: number, vocabulary: number }} size
 * @returns {readonly Tensor[]}
 */
export function transformer({ layers, width, hidden, keyWidth, vocabulary }) {
  /** @param {string} name @param {...number} shape @returns {Tensor} */
  const tensor = (name, ...shape) => ({ name, dtype: 'BF16', shape });
  const blocks = Array.from({ length: layers }, (_, index) => {
    const at = `model.layers.${index}`;
    return [
      tensor(`${at}.self_attn.q_proj.weight`, width, width),
      tensor(`${at}.self_attn.k_proj.weight`, keyWidth, width),
      tensor(`${at}.self_attn.v_proj.weight`, keyWidth, width),
      tensor(`${at}.self_attn.o_proj.weight`, width, width),
      tensor(`${at}.mlp.gate_proj.weight`, hidden, width),
      tensor(`${at}.mlp.up_proj.weight`, hidden, width),
      tensor(`${at}.mlp.down_proj.weight`, width, hidden),
      tensor(`${at}.input_layernorm.weight`, width),
      tensor(`${at}.post_attention_layernorm.weight`, width),
    ];
  });
  return [
    tensor('model.embed_tokens.weight', vocabulary, width),
    ...blocks.flat(),
    tensor('model.norm.weight', width),
    tensor('lm_head.weight', vocabulary, width),
  ];
}

/**
 * Writes a file's header and its size. `fill` writes the values, tensor by tensor; without it the file is sparse.
 * @param {string} file @param {readonly Tensor[]} tensors
 * @param {(buffer: Buffer) => void} [fill] changes a buffer of values that is then written; called until all are
 */
export function writeCheckpoint(file, tensors, fill) {
  /** @type {Record<string, object>} */
  const directory = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + byteSize(tensor);
    directory[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const { descriptor, start } = beginFile(file, directory);
  if (fill) writeValues(descriptor, offset, fill);
  else fs.ftruncateSync(descriptor, start + offset);
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}

/**
 * Writes float32 and int64 tensors with their values.
 * @param {string} file @param {ReadonlyMap<string, { shape: readonly number[], data: Float32Array | BigInt64Array }>} tensors
 */
export function writeTensors(file, tensors) {
  /** @type {Record<string, object>} */
  const directory = {};
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const end = offset + data.byteLength;
    directory[name] = {
      dtype: data instanceof Float32Array ? 'F32' : 'I64',
      shape,
      data_offsets: [offset, end],
    };
    offset = end;
  }
  const { descriptor } = beginFile(file, directory);
  for (const { data } of tensors.values()) fs.writeSync(descriptor, new Uint8Array(data.buffer));
  fs.closeSync(descriptor);
}

/** Writes the header; values begin at byte `start`. @param {string} file @param {Record<string, object>} directory */
function beginFile(file, directory) {
  const text = JSON.stringify(directory);
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const descriptor = fs.openSync(file, 'w');
  fs.writeSync(descriptor, Buffer.concat([length, header]));
  return { descriptor, start: 8 + header.length };
}

/** @param {number} descriptor @param {number} bytes @param {(buffer: Buffer) => void} fill */
function writeValues(descriptor, bytes, fill) {
  const buffer = Buffer.alloc(1 << 24);
  for (let done = 0; done < bytes; done += buffer.length) {
    fill(buffer);
    fs.writeSync(descriptor, buffer, 0, Math.min(buffer.length, bytes - done));
  }
}

/**
 * Writes `shards` sparse files and their index. Returns the index's path and the size of all files.
 * @param {string} folder @param {readonly Tensor[]} tensors @param {number} shards
 */
export function writeSparseShards(folder, tensors, shards) {
  fs.mkdirSync(folder, { recursive: true });
  const perShard = Math.ceil(tensors.length / shards);
  /** @type {Record<string, string>} */
  const weightMap = {};
  for (let shard = 0; shard < shards; shard++) {
    const inside = tensors.slice(shard * perShard, (shard + 1) * perShard);
    const name = `model-${number5(shard + 1)}-of-${number5(shards)}.safetensors`;
    writeCheckpoint(path.join(folder, name), inside);
    for (const tensor of inside) weightMap[tensor.name] = name;
  }
  const index = path.join(folder, 'model.safetensors.index.json');
  const bytes = tensors.reduce((sum, tensor) => sum + byteSize(tensor), 0);
  fs.writeFileSync(index, JSON.stringify({ metadata: { total_size: bytes }, weight_map: weightMap }));
  return { index, bytes };
}

/** @param {number} value */
function number5(value) {
  return String(value).padStart(5, '0');
}

/** Where the tensors of a file lie, by name, as the engine wants to know it. @param {string} file */
export function readSpans(file) {
  const descriptor = fs.openSync(file, 'r');
  const length = Buffer.alloc(8);
  fs.readSync(descriptor, length, 0, 8, 0);
  const header = Buffer.alloc(Number(length.readBigUInt64LE()));
  fs.readSync(descriptor, header, 0, header.length, 8);
  fs.closeSync(descriptor);
  /** @type {Record<string, { dtype: string, shape: number[], data_offsets: [number, number] }>} */
  const directory = JSON.parse(header.toString());
  delete directory['__metadata__'];
  return Object.fromEntries(
    Object.entries(directory).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [
          name,
          { path: file, offset: 8 + header.length + start, bytes: end - start, dtype, shape, count },
        ];
      },
    ),
  );
}
