import { quoted } from '../problems';
import { onnxProblem } from './problems';
import type { Problem } from '../../protocol/result';
import { bitsOfElement, elementTypeByCode, type ElementType } from './element-types';
import type { ExternalFiles } from './external-data';
import type { OnnxSparse, OnnxTensor, TensorData } from './types';
import { LENGTH, type WireReader } from './wire-reader';

/** Values up to this size are read with the model: constants, indices, shapes. Larger ones stay in the file. */
const SMALL_BYTES = 2 ** 14;
const MOST_DIMENSIONS = 32;
/** Of tensors that cannot be had, so many are named. */
const MOST_PROBLEMS = 1000;
/** Numbers that are stored one by one as varints have to be decoded to be used at all. */
const MOST_VARINTS = 2 ** 24;

/** What reading a model gathers and needs on the way. */
export interface ReadContext {
  readonly path: string;
  /** False for a model that is in memory: there are no bytes to come back to. */
  readonly inFile: boolean;
  readonly external: ExternalFiles;
  /** Tensors whose data cannot be had; the first is what reading fails with. */
  readonly problems: Problem[];
  /** Where the weights are all that is wanted: what cannot be had is gathered and passed over. */
  readonly weights?: PassedOver;
}

/** What is passed over where the weights of a model are read. Values then stay in the file, however few. */
export interface PassedOver {
  readonly tensors: Set<OnnxTensor>;
  readonly sparse: OnnxSparse[];
}

/** The fields of a TensorProto as they stand. */
interface Fields {
  name: string;
  readonly dims: number[];
  code: number;
  location: number;
  readonly external: Map<string, string>;
  /** Bytes that hold the values as they lie in memory: raw_data, packed floats and doubles. */
  readonly pieces: { start: number; length: number }[];
  /** Values of int32_data; of int64_data and uint64_data the lower and upper 32 bits of each. */
  readonly numbers: number[];
  readonly halves: number[];
}

/** Reads a TensorProto (onnx.proto3): where its values lie, checked against shape and type, but not the values. */
export function readTensor(reader: WireReader, context: ReadContext): OnnxTensor {
  const fields = readFields(reader);
  const type = elementTypeByCode(fields.code);
  const count = fields.dims.reduce((product, size) => product * size, 1);
  const tensor = { name: fields.name, type: type ?? 'float32', shape: fields.dims, count };
  const nothing: TensorData = { kind: 'memory', bytes: new Uint8Array(0) };
  const give = (problem: Problem): OnnxTensor => {
    const empty = { ...tensor, data: nothing };
    if (context.problems.length < MOST_PROBLEMS) context.problems.push(problem);
    context.weights?.tensors.add(empty);
    return empty;
  };
  const place = `${context.path}: the tensor ${quoted(fields.name)}`;
  if (reader.state.failure !== null) return { ...tensor, data: nothing };
  if (type === undefined) {
    const message = `${place} is of the element type ${String(fields.code)}, which is unknown.`;
    return give(onnxProblem('graph-tensor-type', context.path, message, fields.name));
  }
  const bytes = Math.ceil((count * bitsOfElement(type)) / 8);
  if (fields.dims.some((size) => size < 0) || bytes > Number.MAX_SAFE_INTEGER) {
    const message = `${place} has the shape [${fields.dims.join(', ')}], which no tensor can have.`;
    return give(onnxProblem('graph-tensor-size', context.path, message, fields.name));
  }
  // Texts have no gradient and no place in a session of ours; a node that uses one fails when it is run.
  if (type === 'string') return { ...tensor, data: nothing };
  const data =
    fields.location === 1
      ? externalData(fields, bytes, context)
      : innerData(fields, type, bytes, reader, context);
  if (typeof data !== 'string') return { ...tensor, data };
  const code = fields.location === 1 ? 'graph-external-data' : 'graph-tensor-size';
  return give(onnxProblem(code, context.path, `${place} ${data}.`, fields.name));
}

function readFields(reader: WireReader): Fields {
  const fields: Fields = {
    name: '',
    dims: [],
    code: 0,
    location: 0,
    external: new Map(),
    pieces: [],
    numbers: [],
    halves: [],
  };
  while (reader.next()) {
    if (reader.field === 1) reader.integers(fields.dims, MOST_DIMENSIONS);
    else if (reader.field === 2) fields.code = reader.integer();
    else if (reader.field === 4 || reader.field === 9 || reader.field === 10) readPiece(reader, fields);
    else if (reader.field === 5) reader.integers(fields.numbers, MOST_VARINTS);
    else if (reader.field === 7 || reader.field === 11) {
      reader.halvesOfIntegers(fields.halves, MOST_VARINTS);
    } else if (reader.field === 8) fields.name = reader.text();
    else if (reader.field === 13) readEntry(reader.message(), fields.external);
    else if (reader.field === 14) fields.location = reader.integer();
    else reader.skip();
  }
  return fields;
}

function readPiece(reader: WireReader, fields: Fields): void {
  if (reader.wire === LENGTH) {
    const piece = reader.span();
    fields.pieces.push(piece);
  } else {
    // Single values of float_data and double_data, which only very old writers store.
    const start = reader.position;
    reader.skip();
    fields.pieces.push({ start, length: reader.position - start });
  }
  if (fields.pieces.length > MOST_VARINTS) reader.fail('stores too many values one by one', true);
}

/** StringStringEntryProto. */
export function readEntry(reader: WireReader, into: Map<string, string>): void {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = reader.text(2 ** 20);
    else reader.skip();
  }
  if (into.size < 1000) into.set(key, value);
}

/** The data of a tensor inside the model, or what is wrong with it. */
function innerData(
  fields: Fields,
  type: ElementType,
  bytes: number,
  reader: WireReader,
  context: ReadContext,
): TensorData | string {
  if (fields.numbers.length > 0 || fields.halves.length > 0) {
    const packed = bytesOfNumbers(fields, type);
    return packed.length === bytes ? { kind: 'memory', bytes: packed } : wrongSize(packed.length, bytes);
  }
  const stored = fields.pieces.reduce((sum, { length }) => sum + length, 0);
  if (stored !== bytes) return wrongSize(stored, bytes);
  const [only] = fields.pieces;
  if (
    only !== undefined &&
    fields.pieces.length === 1 &&
    bytes > (context.weights ? 0 : SMALL_BYTES) &&
    context.inFile
  ) {
    return { kind: 'file', path: context.path, offset: only.start, bytes };
  }
  if (bytes > MOST_VARINTS * 8 && fields.pieces.length > 1) return 'is stored in too many pieces';
  const joined = new Uint8Array(bytes);
  let done = 0;
  for (const { start, length } of fields.pieces) {
    joined.set(reader.state.source.bytes(start, length), done);
    done += length;
  }
  return { kind: 'memory', bytes: joined };
}

function wrongSize(stored: number, needed: number): string {
  return `has ${String(stored)} bytes of values where its shape and type need ${String(needed)}`;
}

/** int32_data holds the types of at most 32 bits (float16 as bit patterns), int64_data int64, uint64_data uint32 and uint64. */
function bytesOfNumbers({ numbers, halves }: Fields, type: ElementType): Uint8Array {
  if (halves.length > 0) {
    const held = type === 'uint32' ? halves.filter((_, at) => at % 2 === 0) : halves;
    return new Uint8Array(Uint32Array.from(held).buffer);
  }
  const bits = bitsOfElement(type);
  // One of six bits in every number, where raw bytes have them without gaps.
  if (bits === 6) return packSixes(numbers);
  if (bits === 32) return new Uint8Array(Int32Array.from(numbers).buffer);
  return new Uint8Array(bits === 16 ? Int16Array.from(numbers).buffer : Int8Array.from(numbers).buffer);
}

/** Codes of six bits without gaps, from the lowest bit on (onnx.ai, "Float stored in 6 bits"). */
function packSixes(codes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * 6) / 8));
  for (const [at, code] of codes.entries()) {
    const bit = at * 6;
    const shifted = (code & 63) << (bit & 7);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (shifted & 255);
    if (shifted > 255) bytes[(bit >> 3) + 1] = shifted >> 8;
  }
  return bytes;
}

/** The data of a tensor in a file beside the model, or what is wrong with it. */
function externalData(fields: Fields, bytes: number, context: ReadContext): TensorData | string {
  const location = fields.external.get('location') ?? '';
  const file = context.external.locate(location);
  if (!file.ok) return `has its values in ${quoted(location)}, which is refused: ${file.reason}`;
  const offset = wholeNumber(fields.external.get('offset') ?? '0');
  const length = wholeNumber(fields.external.get('length') ?? String(bytes));
  if (offset === null || length === null)
    return 'has an offset or length of its values that is no whole number';
  if (length !== bytes) return wrongSize(length, bytes);
  if (bytes > file.bytes || offset > file.bytes - bytes) {
    return `needs bytes ${String(offset)} to ${String(offset + bytes)} of ${quoted(location)}, which has ${String(file.bytes)}`;
  }
  return { kind: 'file', path: file.path, offset, bytes };
}

function wholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}
