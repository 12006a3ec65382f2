import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';

/** Folders that hold nothing a user trained, by name. */
const IGNORED = new Set([
  'node_modules',
  '.git',
  '.hg',
  '.svn',
  '.venv',
  'venv',
  '__pycache__',
  '.tox',
  '.mypy_cache',
  '.ipynb_checkpoints',
  '.Trash',
]);
const DEEPEST = 16;
/** Names looked at, files and folders together. */
const MOST_NAMES = 300_000;

/** One folder with the names of the files in it. */
export interface Folder {
  readonly path: string;
  readonly files: readonly string[];
}

export interface Walked {
  readonly folders: readonly Folder[];
  /** There was more than the limits allow. */
  readonly truncated: boolean;
}

/**
 * All folders below the roots, parents first, in the order of their names. Links to folders are followed, but no folder
 * is entered twice, so a loop of links ends. Folders that cannot be read are left out. Stops early, without a
 * complaint, once `signal` is aborted.
 */
export async function walk(roots: readonly string[], signal: AbortSignal): Promise<Walked> {
  const folders: Folder[] = [];
  const entered = new Set<string>();
  let names = 0;
  let truncated = false;

  async function enter(folder: string, depth: number): Promise<void> {
    if (signal.aborted) return;
    if (depth > DEEPEST || names > MOST_NAMES) {
      truncated = true;
      return;
    }
    const real = await fs.realpath(folder).catch(() => null);
    if (real === null || entered.has(real)) return;
    entered.add(real);
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    names += entries.length;
    const sorted = await sortEntries(folder, entries);
    if (sorted.files.length > 0) folders.push({ path: folder, files: sorted.files });
    for (const name of sorted.folders) await enter(path.join(folder, name), depth + 1);
  }

  for (const root of roots) await enter(path.resolve(root), 0);
  return { folders, truncated };
}

async function sortEntries(
  folder: string,
  entries: readonly Dirent[],
): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    const kind = entry.isSymbolicLink()
      ? await fs.stat(path.join(folder, entry.name)).catch(() => null)
      : entry;
    if (kind?.isFile()) files.push(entry.name);
    else if (kind?.isDirectory() && !IGNORED.has(entry.name)) folders.push(entry.name);
  }
  return { files: files.sort(), folders: folders.sort() };
}
