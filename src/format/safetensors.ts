import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { countOf, formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { LENGTH_BYTES, readHeader, type SafetensorsHeader } from './safetensors-header';

/** The reference implementation refuses longer headers, against files made to exhaust memory. */
const MAXIMUM_HEADER = 100_000_000;

const OPEN_BRACE = 0x7b;

/** Of the tensors that a file breaks off in or before, so many are named. */
const MOST_NAMED = 8;

/** The directory of one safetensors file; of a whole model or of one shard. */
export interface SafetensorsDirectory {
  readonly file: { readonly path: string; readonly bytes: number; readonly modifiedMs: number };
  /** By offset. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly headerBytes: number;
  /** SHA-256 of length and header. */
  readonly headerHash: string;
  readonly findings: readonly Finding[];
}

/**
 * Reads and checks the directory of one safetensors file; never its data. Fails with one of the codes of
 * `problems.ts` that name header, tensor or file, e.g. `file-truncated`, `tensor-size`, `tensor-overlap`.
 * `mostHeaderBytes` is what the caller has left for the header.
 */
export function readDirectory(
  path: string,
  mostHeaderBytes = MAXIMUM_HEADER,
): Promise<Result<SafetensorsDirectory>> {
  return withFile(path, async (file) => {
    const json = await readHeaderBytes(file, mostHeaderBytes);
    if (!json.ok) return json;
    const header = readHeader(json.value, path);
    if (!header.ok) return header;
    return placeInFile(file, json.value, header.value);
  });
}

async function readHeaderBytes(file: OpenFile, most: number): Promise<Result<Uint8Array>> {
  const { path, bytes } = file;
  if (bytes === 0) return refuse('file-empty', path, `${path} is empty.`);
  if (bytes < LENGTH_BYTES) {
    const short = countOf(LENGTH_BYTES - bytes, 'byte');
    const found = `the first 8 bytes are the length of the header, the file has ${String(bytes)}`;
    return refuse('file-truncated', path, `${path} is ${short} short: ${found}.`, 'byte 0');
  }
  const start = await file.read(0, LENGTH_BYTES);
  if (!start.ok) return start;
  const length = lengthOf(start.value);
  if (length > MAXIMUM_HEADER) {
    const claim = `the header claims ${exactLengthOf(start.value)} bytes; the format allows ${String(MAXIMUM_HEADER)}`;
    return refuse('header-too-large', path, `${path}: ${claim} (byte 0).`, 'byte 0');
  }
  if (LENGTH_BYTES + length > bytes) {
    const short = countOf(LENGTH_BYTES + length - bytes, 'byte');
    const claim = `the header claims ${countOf(length, 'byte')} after the first 8, the file has ${String(bytes)}`;
    return refuse('header-beyond-file', path, `${path} is at least ${short} short: ${claim}.`, 'byte 0');
  }
  if (length > most) {
    return refuse('headers-too-large', path, `${path}: the headers up to this shard are larger than 1 GB.`);
  }
  return file.read(LENGTH_BYTES, length);
}

/** Length of the header in bytes, from the first eight of a file. Above 2^53, which is refused anyway, rounded. */
function lengthOf(start: Uint8Array): number {
  return Number(unsignedOf(start));
}

/** The same for a message, with every digit. */
function exactLengthOf(start: Uint8Array): string {
  return String(unsignedOf(start));
}

function unsignedOf(start: Uint8Array): bigint {
  return new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
}

function placeInFile(
  { path, bytes, modifiedMs }: OpenFile,
  json: Uint8Array,
  header: SafetensorsHeader,
): Result<SafetensorsDirectory> {
  const dataStart = LENGTH_BYTES + json.length;
  const expected = dataStart + header.dataBytes;
  const sizes = `its header describes ${String(expected)} bytes, the file has ${String(bytes)}`;
  if (bytes < expected) {
    const state = wholeness(header, bytes - dataStart);
    const message = `${path} is ${countOf(expected - bytes, 'byte')} short: ${sizes}. ${state}`;
    return refuse('file-truncated', path, message, `byte ${String(bytes)}`);
  }
  const findings = [...header.findings];
  if (bytes > expected) {
    const message = `${path} has ${countOf(bytes - expected, 'byte')} after its last tensor: ${sizes}.`;
    findings.push(formatFinding('trailing-bytes', path, message, `byte ${String(expected)}`));
  }
  const narrow = header.tensors.find(({ dtype }) => dtype.startsWith('F6_'));
  if (narrow) {
    const message = `${path}: ${quoted(narrow.name)} is ${narrow.dtype}, read from the lowest bit up.`;
    findings.push(formatFinding('tensor-bit-order', path, message, narrow.name));
  }
  const tensors = header.tensors.map(({ name, dtype, shape, count, start, end }) => ({
    name,
    span: { path, offset: dataStart + start, bytes: end - start, dtype, shape, count },
  }));
  const headerHash = createHash('sha256').update(json).digest('hex');
  const file = { path, bytes, modifiedMs };
  return success({
    file,
    tensors,
    metadata: header.metadata,
    headerBytes: json.length,
    headerHash,
    findings,
  });
}

/** Which tensors of a file that breaks off are whole, with `held` bytes of data there. */
function wholeness({ tensors }: SafetensorsHeader, held: number): string {
  const cut = tensors.findIndex(({ end }) => end > held);
  // Empty tensors after the last byte are whole, too, but nobody misses them.
  const last = tensors[cut - 1];
  const missing = tensors.slice(cut);
  const named = missing.slice(0, MOST_NAMED).map(({ name }) => quoted(name));
  const rest = missing.length > MOST_NAMED ? ` and ${String(missing.length - MOST_NAMED)} more` : '';
  const whole = last ? `Whole up to ${quoted(last.name)} (${countOf(cut, 'tensor')})` : 'No tensor is whole';
  return `${whole}; not whole: ${named.join(', ')}${rest}.`;
}

/** Changes with any header byte, size or time of modification of a file. */
export function markOf({ headerHash, file }: SafetensorsDirectory): string {
  return `${headerHash} ${String(file.bytes)} ${String(file.modifiedMs)}`;
}

/**
 * Identifies the state of some files: changes with any header byte, size or time of modification. 32
 * hexadecimal digits.
 */
export function fingerprintOf(parts: readonly (SafetensorsDirectory | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${typeof part === 'string' ? part : markOf(part)}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

async function open(path: string): Promise<Result<Checkpoint>> {
  const directory = await readDirectory(path);
  if (!directory.ok) return directory;
  const { file, tensors, metadata, findings } = directory.value;
  return success({
    path,
    container: 'safetensors',
    files: [file],
    tensors,
    metadata,
    fingerprint: fingerprintOf([directory.value]),
    findings,
  });
}

/** A file with a plausible header length and the `{` of a header; its name does not matter. */
async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, LENGTH_BYTES + 1);
  if (!start.ok || start.value.length <= LENGTH_BYTES) return false;
  return start.value[LENGTH_BYTES] === OPEN_BRACE && lengthOf(start.value) <= MAXIMUM_HEADER;
}

/** One safetensors file. */
export const safetensors: Format = {
  description: {
    id: 'safetensors',
    title: 'safetensors',
    endings: ['.safetensors'],
    supports: [
      'every element type of the specification',
      'metadata',
      'files of any size',
      'quantised weights: GPTQ, AWQ, bitsandbytes, compressed-tensors, MLX, scaled FP8, MXFP4, NVFP4',
    ],
  },
  recognises,
  open,
};
