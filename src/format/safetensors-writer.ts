import { Buffer } from 'node:buffer';
import { success, type Result } from '../protocol/result';
import { dtypeByName, isSafetensorsDtype, type DtypeName } from '../tensor/dtype';
import { outputBytes, textFile, type OutputFile, type OutputTensor, type Pieces } from './output-file';
import { quoted, refuse } from './problems';
import { LENGTH_BYTES } from './safetensors-header';

/** How tensors lie in a file: in the order given, or as the safetensors library orders them. */
export type TensorOrder = 'given' | 'library';

/** A checkpoint as it is to be written. */
export interface OutputCheckpoint {
  /** `model`, `adapter_model`: files are called `model.safetensors`, `model-00001-of-00003.safetensors`. */
  readonly stem: string;
  readonly tensors: readonly OutputTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly order: TensorOrder;
  /** A checkpoint with more bytes of data than this is cut into files of at most so many; `null`: never. */
  readonly mostShardBytes: number | null;
}

const MAXIMUM_HEADER = 100_000_000;

/**
 * The files of a checkpoint: one, or shards and their index in the form of the Hugging Face libraries (`weight_map`,
 * `total_size`). Fails with `duplicate-tensor`, `dtype-not-written`, or `header-too-large`.
 */
export function safetensorsFiles(checkpoint: OutputCheckpoint): Result<readonly OutputFile[]> {
  const { stem, tensors, metadata, order, mostShardBytes } = checkpoint;
  const names = new Set<string>();
  for (const { name, dtype } of tensors) {
    if (names.has(name))
      return refuse('duplicate-tensor', stem, `Two tensors would both be called ${quoted(name)}.`, name);
    names.add(name);
    if (isSafetensorsDtype(dtype)) continue;
    const message = `${quoted(name)} holds elements of ${dtype}, which safetensors files cannot have.`;
    return refuse('dtype-not-written', stem, message, name);
  }
  const total = tensors.reduce((sum, tensor) => sum + outputBytes(tensor), 0);
  const shards = mostShardBytes !== null && total > mostShardBytes ? shardsOf(tensors, mostShardBytes) : [];
  if (shards.length < 2) {
    const file = safetensorsFile(`${stem}.safetensors`, tensors, metadata, order);
    return file.ok ? success([file.value]) : file;
  }
  const files: OutputFile[] = [];
  const places: [string, string][] = [];
  for (const [index, shard] of shards.entries()) {
    const number = (value: number) => String(value).padStart(5, '0');
    const name = `${stem}-${number(index + 1)}-of-${number(shards.length)}.safetensors`;
    const file = safetensorsFile(name, shard, metadata, order);
    if (!file.ok) return file;
    files.push(file.value);
    for (const tensor of shard) places.push([tensor.name, name]);
  }
  const map = Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1)));
  const index = { metadata: { total_size: total }, weight_map: map };
  files.push(textFile(`${stem}.safetensors.index.json`, `${JSON.stringify(index, null, 2)}\n`));
  return success(files);
}

/** Consecutive tensors, together no larger than `most` unless one alone is. */
function shardsOf(tensors: readonly OutputTensor[], most: number): OutputTensor[][] {
  const shards: OutputTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = outputBytes(tensor);
    const last = shards.at(-1);
    if (last && bytes <= room) last.push(tensor);
    else {
      shards.push([tensor]);
      room = most;
    }
    room -= bytes;
  }
  return shards;
}

/**
 * One safetensors file: eight bytes of length, the header padded with spaces to a multiple of eight, the data without gaps
 * in the order of the header (https://github.com/huggingface/safetensors, "Format"). Fails with `header-too-large`.
 */
export function safetensorsFile(
  name: string,
  tensors: readonly OutputTensor[],
  metadata: Readonly<Record<string, string>>,
  order: TensorOrder,
): Result<OutputFile> {
  const ordered = order === 'given' ? tensors : [...tensors].sort(asLibrary);
  const hasMetadata = Object.keys(metadata).length > 0;
  const entries: [string, unknown][] = hasMetadata ? [['__metadata__', metadata]] : [];
  let offset = 0;
  for (const tensor of ordered) {
    const { dtype, shape } = tensor;
    const end = offset + outputBytes(tensor);
    entries.push([tensor.name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const header = headerBytes(entries);
  if (header.length - LENGTH_BYTES > MAXIMUM_HEADER) {
    const message = `The header of ${name} would take ${String(header.length)} bytes; the format allows ${String(MAXIMUM_HEADER)}.`;
    return refuse('header-too-large', name, message);
  }
  return success({ name, bytes: header.length + offset, pieces: () => filePieces(header, ordered) });
}

/** Not by way of an object: that would put names that are numbers first. */
function headerBytes(entries: readonly (readonly [string, unknown])[]): Uint8Array {
  const fields = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const json = `{${fields.join(',')}}`;
  const padding = (LENGTH_BYTES - (Buffer.byteLength(json) % LENGTH_BYTES)) % LENGTH_BYTES;
  const text = Buffer.from(json + ' '.repeat(padding));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

async function* filePieces(header: Uint8Array, tensors: readonly OutputTensor[]): Pieces {
  yield success(header);
  for (const tensor of tensors) yield* tensor.pieces();
}

/**
 * The order of the safetensors library: wide elements first, so that every tensor is aligned, and of the same type by name
 * (`serialize` in safetensors/src/tensor.rs sorts by descending dtype, then name).
 */
function asLibrary(a: OutputTensor, b: OutputTensor): number {
  if (a.dtype !== b.dtype) return rankOf(b.dtype) - rankOf(a.dtype);
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const LIBRARY_ORDER: readonly DtypeName[] = [
  ...(['BOOL', 'F4', 'F6_E2M3', 'F6_E3M2', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0'] as const),
  ...(['F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'I16', 'U16', 'F16', 'BF16', 'I32', 'U32', 'F32'] as const),
  ...(['C64', 'F64', 'I64', 'U64'] as const),
];

function rankOf(dtype: DtypeName): number {
  return (dtypeByName(dtype)?.bits ?? 0) * LIBRARY_ORDER.length + LIBRARY_ORDER.indexOf(dtype);
}
