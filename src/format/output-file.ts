import { Buffer } from 'node:buffer';
import { failure, success, type Result } from '../protocol/result';
import { bytesFor } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import { OpenFiles } from '../tensor/open-files';
import type { TensorSpan } from '../tensor/span';
import type { TensorEntry } from './checkpoint';
import { mirroredRanges } from './hub/fetch-spans';
import { fetchRanges } from './hub/mirror-file';
import { readSpan } from './read';

/** Pieces of what is written, in order; a failure is the last of them. */
export type Pieces = AsyncIterable<Result<Uint8Array>>;

/** A file that is to be written: its name in the folder, its exact size, and its bytes, made when they are asked for. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: number;
  pieces(): Pieces;
}

/** A tensor that is to be written. `pieces` are its bytes in C order, little-endian: `bytesFor(dtype, count)` of them. */
export interface OutputTensor {
  readonly name: string;
  readonly dtype: DtypeName;
  readonly shape: readonly number[];
  pieces(): Pieces;
}

/** Bytes read and written at a time. */
const PIECE = 8 * 2 ** 20;

/** Number of elements. */
export function countOfShape(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes that a tensor takes. */
export function outputBytes({ dtype, shape }: OutputTensor): number {
  return bytesFor(dtype, countOfShape(shape));
}

/** A tensor that is written as it lies on disk, under another name where given. */
export function copiedTensor({ name, span }: TensorEntry, as = name): OutputTensor {
  return { name: as, dtype: span.dtype, shape: span.shape, pieces: () => spanPieces(span) };
}

/** A tensor whose bytes are in memory. */
export function heldTensor(
  name: string,
  dtype: DtypeName,
  shape: readonly number[],
  bytes: Uint8Array,
): OutputTensor {
  return { name, dtype, shape, pieces: () => onePiece(bytes) };
}

/** A small file of text, UTF-8. */
export function textFile(name: string, text: string): OutputFile {
  const bytes = Buffer.from(text);
  return { name, bytes: bytes.length, pieces: () => onePiece(bytes) };
}

/** A file that is copied as it is; `bytes` is the size it has. */
export function copiedFile(path: string, name: string, bytes: number): OutputFile {
  const span: TensorSpan = { path, offset: 0, bytes, dtype: 'U8', shape: [bytes], count: bytes };
  return { name, bytes, pieces: () => spanPieces(span) };
}

/** The bytes of a span, a piece at a time. Fails as reading does. */
export async function* spanPieces(span: TensorSpan): AsyncGenerator<Result<Uint8Array>> {
  if (span.stored !== undefined) {
    yield* storedPieces(span);
    return;
  }
  for (let done = 0; done < span.bytes; done += PIECE) {
    const bytes = Math.min(PIECE, span.bytes - done);
    yield readSpan({ ...span, offset: span.offset + done, bytes });
  }
}

/** The same with what is unpacked on the way kept from piece to piece. */
async function* storedPieces(span: TensorSpan): AsyncGenerator<Result<Uint8Array>> {
  for (const [path, ranges] of mirroredRanges(span)) {
    const here = await fetchRanges(path, ranges);
    if (!here.ok) {
      yield here;
      return;
    }
  }
  const files = new OpenFiles();
  try {
    for (let done = 0; done < span.bytes; done += PIECE) {
      const bytes = new Uint8Array(Math.min(PIECE, span.bytes - done));
      const problem = files.read(span, done, bytes);
      yield problem === null ? success(bytes) : failure(problem);
    }
  } finally {
    files.close();
  }
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Result<Uint8Array>> {
  yield await Promise.resolve(success(bytes));
}
