import * as fs from 'node:fs/promises';
import { problemFromError, type Problem } from '../protocol/result';
import { isMirrored } from '../tensor/mirrored';
import { countOf, formatProblem } from './problems';
import type { FileState } from './read';

/** So many files are asked for at once. */
const CONCURRENCY = 16;

/**
 * The first of these files that is another than when it was opened, by size or time of modification, as the problem
 * `file-changed`; `null` where all are as they were. Asked after values were read, so that numbers of two states are never
 * taken for those of one.
 */
export async function firstChanged(files: Iterable<FileState>): Promise<Problem | null> {
  const waiting = [...files];
  for (let first = 0; first < waiting.length; first += CONCURRENCY) {
    const found = await Promise.all(waiting.slice(first, first + CONCURRENCY).map(changeOf));
    const problem = found.find((each) => each !== null);
    if (problem) return problem;
  }
  return null;
}

async function changeOf({ path, bytes, modifiedMs }: FileState): Promise<Problem | null> {
  // Copies of remote files are of one commit, and get more blocks meanwhile.
  if (isMirrored(path)) return null;
  try {
    const { size, mtimeMs } = await fs.stat(path);
    if (size === bytes && mtimeMs === modifiedMs) return null;
    const how =
      size === bytes
        ? 'was written to'
        : `had ${countOf(bytes, 'byte')} and has ${countOf(size, 'byte')} now:`;
    const message = `${path} ${how} while it was read. What was computed from it was thrown away.`;
    return formatProblem('file-changed', path, message);
  } catch (error) {
    return problemFromError(error, path);
  }
}
