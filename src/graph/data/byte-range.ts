import { withFile, type FileState, type ReadBytes } from '../../format/read';
export type { FileState, ReadBytes } from '../../format/read';
import type { Result } from '../../protocol/result';
import { refuse } from './problems';

/** A run of bytes that lies in a file as it is, or packed. */
export interface ByteRange {
  readonly path: string;
  readonly length: number;
  /** Lets `use` read, and closes the file whatever happens. Offsets that ascend are cheapest. */
  withBytes<T>(use: (read: ReadBytes) => Promise<Result<T>>): Promise<Result<T>>;
}

/** {@link withFile}, which fails with `file-changed` where the file is another than it was. */
export function withSameFile<T>(
  { path, bytes, modifiedMs }: FileState,
  use: (read: ReadBytes) => Promise<Result<T>>,
): Promise<Result<T>> {
  return withFile(path, async (file) => {
    if (file.bytes === bytes && file.modifiedMs === modifiedMs)
      return use((offset, length) => file.read(offset, length));
    return {
      ok: false,
      problem: {
        code: 'file-changed',
        message: `${path} changed after it was opened.`,
        action: 'Wait until the program that writes it is done, then run again.',
        path,
      },
    };
  });
}

/** Bytes `start … start + length − 1` of a file. */
export function fileRange(file: FileState, start: number, length: number): ByteRange {
  return {
    path: file.path,
    length,
    withBytes: (use) => withSameFile(file, (read) => use((offset, count) => read(start + offset, count))),
  };
}

/** `range` without its first `start` bytes. */
export function rest(range: ByteRange, start: number): ByteRange {
  return {
    path: range.path,
    length: range.length - start,
    withBytes: (use) => range.withBytes((read) => use((offset, count) => read(start + offset, count))),
  };
}

/** Fails with `data-malformed` where a range is shorter than what is said to lie in it. */
export function checkLength(range: ByteRange, needed: number, what: string): Result<null> {
  if (range.length >= needed) return { ok: true, value: null };
  const message = `${range.path}: ${what} takes ${String(needed)} bytes, and ${String(range.length)} are there.`;
  return refuse('data-malformed', range.path, message);
}
