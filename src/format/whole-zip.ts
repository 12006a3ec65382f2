import type { Result } from '../protocol/result';
import type { OpenFile } from './read';
import { readZipDirectory, type ZipEntry } from './zip-directory';

/** What was listed of a file, as it was then. */
interface Listed {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly entries: Result<readonly ZipEntry[]>;
}

/** Files that are being opened: by path, what was listed so far. */
const beingOpened = new Map<string, Listed | null>();

/**
 * Calls `open`, in which every format that lists the zip archive at `path` has the listing of the first that did. What was listed
 * is forgotten afterwards, so that a file that changes is read anew.
 */
export async function listingZipOnce<T>(path: string, open: () => Promise<T>): Promise<T> {
  beingOpened.set(path, null);
  try {
    return await open();
  } finally {
    beingOpened.delete(path);
  }
}

/** {@link readZipDirectory} of an archive that is a file of its own, once for all formats within {@link listingZipOnce}. */
export async function readWholeZip(file: OpenFile): Promise<Result<readonly ZipEntry[]>> {
  const { path, bytes, modifiedMs } = file;
  const known = beingOpened.get(path);
  if (known?.bytes === bytes && known.modifiedMs === modifiedMs) return known.entries;
  const entries = await readZipDirectory(file, (offset, length) => file.read(offset, length));
  if (beingOpened.has(path)) beingOpened.set(path, { bytes, modifiedMs, entries });
  return entries;
}
