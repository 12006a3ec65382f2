import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { failure, success, type Result } from '../protocol/result';
import { bytesFor } from '../tensor/decode';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { Flatbuffer } from './flatbuffer';
import { FileSource } from './onnx/byte-source';
import { dtypeOf, elementTypeByCode } from './onnx/element-types';
import { countOf, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';

/** Bytes 4 to 7, after the offset of the root. */
const IDENTIFIER = 'TORT';
const MOST_PARAMETERS = 100_000;
const MOST_DIMENSIONS = 32;

/**
 * The directory of an adapter of ONNX Runtime: a flatbuffer of parameters with name, dims, data_type (numbers of ONNX) and raw_data
 * (onnxruntime/lora/adapter_format/adapter_schema.fbs). Reads no values. Fails with `onnx-adapter-malformed`, or as reading
 * does.
 */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const descriptor = fs.openSync(path, 'r');
    try {
      return await Promise.resolve(readAdapter(file, new FileSource(path, file.bytes, descriptor)));
    } finally {
      fs.closeSync(descriptor);
    }
  });
}

function readAdapter({ path, bytes, modifiedMs }: OpenFile, source: FileSource): Result<Checkpoint> {
  const buffer = new Flatbuffer(source);
  const root = buffer.root();
  const metadata = Object.fromEntries(
    ['format_version', 'adapter_version', 'model_version'].map((key, i) => [
      key,
      String(buffer.integer(root, i)),
    ]),
  );
  const parameters = buffer.vector(root, 3, 4);
  if (parameters.length > MOST_PARAMETERS) return wrong(path, `has ${String(parameters.length)} parameters`);
  const tensors = new Map<string, TensorEntry>();
  for (let i = 0; i < parameters.length && buffer.problem === null; i++) {
    const entry = readParameter(buffer, buffer.follow(parameters.start + 4 * i), path);
    if (typeof entry === 'string') return wrong(path, entry);
    if (tensors.has(entry.name)) return wrong(path, `has the parameter ${quoted(entry.name)} twice`);
    tensors.set(entry.name, entry);
  }
  if (source.problem !== null) return failure(source.problem);
  if (buffer.problem !== null) return wrong(path, buffer.problem);
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const { name, span } of tensors.values())
    hash.update(`${name} ${String(span.shape)} ${String(span.offset)}\n`);
  return success({
    path,
    container: 'ONNX Runtime adapter',
    files: [{ path, bytes, modifiedMs }],
    tensors: [...tensors.values()],
    metadata,
    fingerprint: hash.digest('hex').slice(0, 32),
    findings: [],
  });
}

/** A parameter, or what is wrong with it. */
function readParameter(buffer: Flatbuffer, table: number, path: string): TensorEntry | string {
  const name = buffer.text(table, 0);
  const dims = buffer.vector(table, 1, 8);
  const code = buffer.integer(table, 2);
  const data = buffer.vector(table, 3, 1);
  if (buffer.problem !== null) return buffer.problem;
  const type = elementTypeByCode(code);
  const dtype = type && dtypeOf(type);
  const place = `has the parameter ${quoted(name)}`;
  if (dtype === undefined) return `${place} of the element type ${String(code)}, which is not read`;
  if (dims.length > MOST_DIMENSIONS) return `${place} of ${String(dims.length)} dimensions`;
  const shape = Array.from({ length: dims.length }, (_, axis) => buffer.long(dims.start + 8 * axis));
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const possible = shape.every((size) => size >= 0) && count <= Number.MAX_SAFE_INTEGER;
  if (!possible || bytesFor(dtype, count) !== data.length) {
    return `${place} of shape [${shape.join(', ')}] with ${countOf(data.length, 'byte')} of values`;
  }
  return { name, span: { path, offset: data.start, bytes: data.length, dtype, shape, count } };
}

function wrong(path: string, what: string): Result<never> {
  return refuse('onnx-adapter-malformed', path, `${path} ${what}.`);
}

/** What `onnxruntime.AdapterFormat` and Olive write. */
export const onnxAdapter: Format = {
  description: {
    id: 'onnx-adapter',
    title: 'ONNX Runtime adapter',
    endings: ['.onnx_adapter', '.orl'],
    supports: ['every parameter by its name'],
  },
  async recognises(path) {
    const start = await readStart(path, 8);
    return start.ok && Buffer.from(start.value).toString('latin1', 4) === IDENTIFIER;
  },
  open,
};
