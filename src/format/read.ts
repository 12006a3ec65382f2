import { constants } from 'node:buffer';
import * as fs from 'node:fs/promises';
import { problemFromError, success, type Result } from '../protocol/result';
import { hasBlocks, isMirrored } from '../tensor/mirrored';
import { OpenFiles } from '../tensor/open-files';
import type { TensorSpan } from '../tensor/span';
import { mirroredRanges } from './hub/fetch-spans';
import { fetchRanges } from './hub/mirror-file';
import { countOf, refuse } from './problems';

/**
 * One call to the operating system reads at most this much; a single read of 2 GiB and more fails on some
 * systems.
 */
const CHUNK = 256 * 1024 * 1024;

/** Reads exactly `length` bytes from `offset` on. */
export type ReadBytes = (offset: number, length: number) => Promise<Result<Uint8Array>>;

/** A file as it was when it was opened first. */
export interface FileState {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** An open file with what the operating system says about it. */
export interface OpenFile extends FileState {
  /** Reads exactly `length` bytes; fails with `file-changed` where the file ends before. */
  read(offset: number, length: number): Promise<Result<Uint8Array>>;
}

/**
 * Opens an ordinary file for reading, lets `use` work with it, and closes it whatever happens. A pipe, device
 * or socket is refused before it is opened, since that could wait forever. Fails with `not-a-file` or the
 * operating system's answer.
 */
export async function withFile<T>(
  path: string,
  use: (file: OpenFile) => Promise<Result<T>>,
): Promise<Result<T>> {
  let handle: fs.FileHandle | undefined;
  try {
    if (!(await fs.stat(path)).isFile()) {
      return refuse('not-a-file', path, `${path} is a folder or a device, not an ordinary file.`);
    }
    handle = await fs.open(path, 'r');
    const opened = handle;
    const { size, mtimeMs } = await opened.stat();
    return await use({
      path,
      bytes: size,
      modifiedMs: mtimeMs,
      read: async (offset, length) => {
        const here = await makeSure(path, offset, offset + length);
        return here.ok ? readExactly(opened, path, offset, length) : here;
      },
    });
  } catch (error) {
    return { ok: false, problem: problemFromError(error, path) };
  } finally {
    await handle?.close();
  }
}

/** Part of a file, of which an archive is all there is. */
export interface FilePart {
  readonly offset: number;
  readonly bytes: number;
}

/** Part of an open file as a file of its own. */
export function partOfFile(file: OpenFile, { offset, bytes }: FilePart): OpenFile {
  const { path, modifiedMs } = file;
  return { path, bytes, modifiedMs, read: (at, length) => file.read(offset + at, length) };
}

/** Fetches what a copy of a remote file has not yet; files of this machine are whole. */
async function makeSure(path: string, start: number, end: number): Promise<Result<null>> {
  return isMirrored(path) && hasBlocks(path) ? fetchRanges(path, [[start, end]]) : success(null);
}

async function readExactly(
  handle: fs.FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Result<Uint8Array>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(CHUNK, length - done), offset + done);
    if (bytesRead === 0) {
      const at = `byte ${String(offset + done)}`;
      const short = countOf(length - done, 'byte');
      const message = `${path} is ${short} short of what was there when it was opened (${at}).`;
      return refuse('file-changed', path, message, at);
    }
    done += bytesRead;
  }
  return success(bytes);
}

/**
 * The bytes of one tensor as they lie on disk: little-endian, C order; in memory of their own, aligned for
 * every typed array. Fails with `file-changed` where the file is now shorter, with `span-too-large` where no
 * array can hold it.
 */
export async function readSpan(span: TensorSpan): Promise<Result<Uint8Array>> {
  if (span.memory !== undefined) return success(new Uint8Array(span.memory, span.offset, span.bytes).slice());
  if (span.bytes > constants.MAX_LENGTH) {
    return refuse(
      'span-too-large',
      span.path,
      `${span.path}: ${countOf(span.bytes, 'byte')} do not fit into memory at once.`,
    );
  }
  if (span.bytes === 0) return success(new Uint8Array(0));
  if (span.stored !== undefined) return readStoredSpan(span);
  return withFile(span.path, (file) => file.read(span.offset, span.bytes));
}

async function readStoredSpan(span: TensorSpan): Promise<Result<Uint8Array>> {
  for (const [path, ranges] of mirroredRanges(span)) {
    const here = await fetchRanges(path, ranges);
    if (!here.ok) return here;
  }
  const files = new OpenFiles();
  const bytes = new Uint8Array(span.bytes);
  const problem = files.read(span, 0, bytes);
  files.close();
  return problem === null ? success(bytes) : { ok: false, problem };
}

/** The first bytes of a file, at most `length`; fewer where it is shorter. */
export function readStart(path: string, length: number): Promise<Result<Uint8Array>> {
  return withFile(path, (file) => file.read(0, Math.min(length, file.bytes)));
}
