import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Artifact, LensResult, Table } from '../../protocol/artifact';
import { RecentlyUsed } from './recently-used';

/** Cells and table rows of all remembered results together: some 100 MB. */
const CAPACITY = 4_000_000;
/** Results on disk end in this; anything else in the folder is not ours and is left alone. */
const ENDING = '.result.json';
/** What a file holds changes with this. */
const LAYOUT = 1;

/** Where results outlive the process. */
export interface CacheFolder {
  readonly path: string;
  /** Bytes that all results may take together; the ones not used for longest go first. */
  readonly limit: number;
}

/**
 * Results of lenses, by all that they depend on: in memory, and in a folder where one is given. A result is written
 * under a temporary name and renamed, so none is ever half there; one that cannot be read or belongs to another key
 * counts as not there. What goes wrong with the folder costs time, never an answer, and is logged.
 */
export class ResultCache {
  private readonly memory = new RecentlyUsed<LensResult>(CAPACITY);
  private folder: CacheFolder | null = null;
  private writes = 0;

  constructor(private readonly log: (message: string) => void = () => undefined) {}

  /** Keeps results in a folder from now on; `null`: in memory only. */
  keepIn(folder: CacheFolder | null): void {
    this.folder = folder !== null && folder.limit > 0 ? folder : null;
  }

  /** The result under `key`, if one is known. */
  async get(key: string): Promise<LensResult | undefined> {
    const known = this.memory.get(key);
    if (known || !this.folder) return known;
    const file = fileOf(this.folder, key);
    try {
      const stored: unknown = JSON.parse(await fs.readFile(file, 'utf8'));
      if (!isStored(stored) || stored.key !== key) return undefined;
      const now = new Date();
      await fs.utimes(file, now, now).catch(() => undefined);
      this.memory.set(key, stored.result, cellsOf(stored.result));
      return stored.result;
    } catch {
      return undefined;
    }
  }

  /** Remembers a result. Never rejects. */
  async set(key: string, result: LensResult): Promise<void> {
    this.memory.set(key, result, cellsOf(result));
    const { folder } = this;
    if (!folder) return;
    const file = fileOf(folder, key);
    const unfinished = `${file}.${String(process.pid)}.${String(++this.writes)}.part`;
    try {
      const text = JSON.stringify({ layout: LAYOUT, key, result });
      if (Buffer.byteLength(text) > folder.limit) return;
      await fs.mkdir(folder.path, { recursive: true });
      await fs.writeFile(unfinished, text, { flush: true });
      await fs.rename(unfinished, file);
      await removeOldest(folder);
    } catch (error) {
      await fs.rm(unfinished, { force: true }).catch(() => undefined);
      this.log(`A result could not be kept in ${folder.path}: ${String(error)}`);
    }
  }

  /** Forgets everything, in memory and on disk; says how many bytes that freed on disk. */
  async clear(): Promise<number> {
    this.memory.clear();
    if (!this.folder) return 0;
    const files = await filesIn(this.folder.path, true);
    await Promise.all(files.map(({ file }) => fs.rm(file, { force: true })));
    return files.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

function fileOf(folder: CacheFolder, key: string): string {
  return path.join(folder.path, createHash('sha256').update(key).digest('hex').slice(0, 40) + ENDING);
}

function isStored(value: unknown): value is { readonly key: string; readonly result: LensResult } {
  if (typeof value !== 'object' || value === null) return false;
  return 'layout' in value && value.layout === LAYOUT && 'key' in value && 'result' in value;
}

async function removeOldest({ path: folder, limit }: CacheFolder): Promise<void> {
  const files = await filesIn(folder, false);
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { file, bytes } of files.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= limit) return;
    await fs.rm(file, { force: true });
    total -= bytes;
  }
}

/** Our files in the folder; with `unfinished` also those that a crash left half-written. */
async function filesIn(folder: string, unfinished: boolean) {
  const names = await fs.readdir(folder).catch(() => []);
  const ours = names.filter((name) => name.endsWith(ENDING) || (unfinished && name.includes(`${ENDING}.`)));
  const files = ours.map(async (name) => {
    const file = path.join(folder, name);
    const stat = await fs.stat(file).catch(() => null);
    return stat ? [{ file, bytes: stat.size, usedMs: stat.mtimeMs }] : [];
  });
  return (await Promise.all(files)).flat();
}

/** How many cells a result holds: what the memory measures results by. */
function cellsOf(result: LensResult): number {
  return result.artifacts.reduce((sum, artifact) => sum + artifactCells(artifact), 1);
}

function artifactCells(artifact: Artifact): number {
  switch (artifact.kind) {
    case 'matrix':
      return artifact.rows.length * artifact.columns.length;
    case 'series':
      return artifact.x.values.length * (1 + artifact.lines.length);
    case 'table':
      return tableCells(artifact);
    case 'histogram':
      return artifact.counts.length;
    case 'scatter':
      return artifact.points.length;
    case 'tree':
      return artifact.leaves.length;
    case 'graph':
      return artifact.nodes.length + artifact.edges.length;
    case 'note':
      return artifact.text.length;
  }
}

function tableCells(table: Table): number {
  return table.rows.length * table.columns.length;
}
