import { success, type Result } from '../protocol/result';
import { GgufCursor, type GgufStop } from './gguf-cursor';
import { readValue, type GgufValue } from './gguf-values';
import { quoted, refuse } from './problems';
import type { OpenFile } from './read';

/** What the header of one GGUF file says. */
export interface GgufHeader {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Keys that stand more than once. */
  readonly duplicateKeys: readonly string[];
  readonly tensors: readonly GgufTensorInfo[];
  /** Length in bytes; the data begin at the next multiple of the alignment. */
  readonly bytes: number;
  readonly alignment: number;
}

/** One entry of the directory. */
export interface GgufTensorInfo {
  readonly name: string;
  /** As ggml has them, the fastest first. */
  readonly dimensions: readonly number[];
  readonly type: number;
  /** In bytes, from where the data begin. */
  readonly offset: number;
  /** Where the entry stands in the file. */
  readonly at: number;
}

/** So much of a file is read first, so much more each time, and no more than so much. The longest known have 30 MB. */
const FIRST = 2 ** 18;
const GROWTH = 4;
const LARGEST = 2 ** 27;

/** The shortest that a key with its value, and an entry of the directory, can be. */
const SHORTEST_PAIR = 9;
const SHORTEST_ENTRY = 20;
const LONGEST_NAME = 65_535;
const MOST_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

/**
 * Reads header and directory of a file, in growing steps, never its data. Every length is compared with what the file has
 * before it is used. Fails with `gguf-version`, `gguf-malformed`, `gguf-tensor-shape`, `gguf-too-large`, `file-truncated`.
 */
export async function readGgufHeader(
  file: OpenFile,
): Promise<Result<{ readonly header: GgufHeader; readonly bytes: Uint8Array }>> {
  const { path, bytes: fileBytes } = file;
  for (let length = FIRST; ;) {
    const read = await file.read(0, Math.min(length, fileBytes));
    if (!read.ok) return read;
    const parsed = parseGgufHeader(read.value, fileBytes);
    if (!('stop' in parsed)) return success({ header: parsed, bytes: read.value.subarray(0, parsed.bytes) });
    const { stop } = parsed;
    if (stop.kind === 'refused') return refuse(stop.code, path, `${path} ${stop.message}.`, stop.at);
    length = Math.max(length * GROWTH, stop.end);
    if (stop.end > LARGEST) {
      const claim = `its header goes on after ${String(LARGEST)} bytes`;
      return refuse('gguf-too-large', path, `${path}: ${claim}.`, `byte ${String(LARGEST)}`);
    }
    length = Math.min(length, LARGEST);
  }
}

/** The header from the first bytes of a file of `fileBytes` bytes; why not, where these do not hold it. */
export function parseGgufHeader(
  bytes: Uint8Array,
  fileBytes: number,
): GgufHeader | { readonly stop: GgufStop } {
  const cursor = new GgufCursor(bytes, fileBytes);
  cursor.take(4, 'the signature');
  const version = readVersion(cursor);
  const tensorCount = readCount(cursor, 'tensors', SHORTEST_ENTRY);
  const pairCount = readCount(cursor, 'keys', SHORTEST_PAIR);
  const metadata = new Map<string, GgufValue>();
  const duplicateKeys: string[] = [];
  for (let pair = 0; pair < pairCount && cursor.stop === null; pair++) {
    const key = cursor.text('a key', LONGEST_NAME);
    const value = readValue(cursor, quoted(key));
    if (!metadata.has(key)) metadata.set(key, value);
    else if (duplicateKeys.length < MOST_LISTED) duplicateKeys.push(key);
  }
  const alignment = alignmentOf(cursor, metadata);
  const tensors: GgufTensorInfo[] = [];
  for (let entry = 0; entry < tensorCount && cursor.stop === null; entry++) tensors.push(readEntry(cursor));
  if (cursor.stop !== null) return { stop: cursor.stop };
  const { bigEndian } = cursor.numbers;
  return { version, bigEndian, metadata, duplicateKeys, tensors, bytes: cursor.position, alignment };
}

const MOST_LISTED = 20;

/** A big-endian file shows by its version, whose lower half would be empty. */
function readVersion(cursor: GgufCursor): number {
  const place = cursor.position;
  let version = cursor.u32('the version');
  const bigEndian = version !== 0 && (version & 0xffff) === 0;
  if (bigEndian) version >>>= 24;
  cursor.numbers = { bigEndian, shortLengths: version === 1 };
  if (cursor.stop === null && (version < 1 || version > 3)) {
    cursor.refuse(
      'gguf-version',
      `is of version ${String(version)} of GGUF; 1, 2 and 3 are known (byte 4)`,
      place,
    );
  }
  return version;
}

function readCount(cursor: GgufCursor, what: string, shortest: number): number {
  const place = cursor.position;
  const count = cursor.length(`the number of ${what}`);
  const room = Math.floor(cursor.fileBytes / shortest);
  if (count > room) {
    const most = `a file of ${String(cursor.fileBytes)} bytes has room for ${String(room)} at most`;
    cursor.refuse(
      'gguf-malformed',
      `claims ${String(count)} ${what}; ${most} (byte ${String(place)})`,
      place,
    );
  }
  return count;
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof value === 'number' && value >= 1 && Number.isInteger(Math.log2(value))) return value;
  cursor.refuse('gguf-malformed', `has an alignment (general.alignment) that is no power of two`);
  return DEFAULT_ALIGNMENT;
}

function readEntry(cursor: GgufCursor): GgufTensorInfo {
  const at = cursor.position;
  const name = cursor.text('the name of a tensor', LONGEST_NAME);
  const axes = cursor.u32(`the number of dimensions of ${quoted(name)}`);
  if (axes > MOST_DIMENSIONS) {
    const claim = `gives ${quoted(name)} ${String(axes)} dimensions, ${String(MOST_DIMENSIONS)} are possible`;
    cursor.refuse('gguf-tensor-shape', `${claim} (byte ${String(at)})`, at);
  }
  const dimensions: number[] = [];
  for (let axis = 0; axis < axes && cursor.stop === null; axis++) {
    dimensions.push(cursor.length(`a dimension of ${quoted(name)}`));
  }
  const type = cursor.u32(`the type of ${quoted(name)}`);
  const offset = cursor.offset(`the offset of ${quoted(name)}`);
  return { name, dimensions, type, offset, at };
}
