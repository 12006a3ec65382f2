import * as syncFs from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { copiedNames, rootName, uriPathOf, type Origin } from './copied-path';

/** Beside the root of each file system's copies: where they are from. */
const ORIGIN_ENDING = '.origin.json';
/** Times of some file systems are rounded. */
const SAME_TIME_MS = 2;

/** A place in a file system without local paths. */
export interface Place extends Origin {
  readonly path: string;
}

/** Size in bytes, and time of modification in milliseconds since 1970. */
export interface FileState {
  readonly size: number;
  readonly mtime: number;
}

/**
 * Copies of files, in a folder of their own, at the paths that they have where they are from. A copy has the time of modification of
 * its original, and the time of its last use as its time of access.
 */
export class CopyStore {
  private readonly origins = new Map<string, Origin | null>();

  constructor(readonly folder: string) {}

  /** Where the copy of a file lies, or would. */
  pathOf(place: Place): string {
    const root = rootName(place);
    const { scheme, authority, query } = place;
    this.origins.set(root, { scheme, authority, query });
    return path.join(this.folder, root, ...copiedNames(place.path));
  }

  /** What lies or lay at a path is a copy of; `null` of a path elsewhere. */
  placeOf(file: string): Place | null {
    const relative = path.relative(this.folder, file);
    if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) return null;
    const [root = '', ...names] = relative.split(path.sep);
    const origin = this.originOf(root);
    return origin && { ...origin, path: uriPathOf(names) };
  }

  /** The folders of the file systems that are known, each with where it is from. */
  roots(): readonly (readonly [folder: string, origin: Origin])[] {
    return [...this.origins].flatMap(([root, origin]) =>
      origin ? [[path.join(this.folder, root), origin] as const] : [],
    );
  }

  /** Whether a file is copied as it is now. Says that it is used. */
  async isCurrent(file: string, { size, mtime }: FileState): Promise<boolean> {
    const found = await fs.stat(file).catch(() => null);
    if (!found?.isFile() || found.size !== size || Math.abs(found.mtimeMs - mtime) > SAME_TIME_MS)
      return false;
    await fs.utimes(file, new Date(), found.mtime);
    return true;
  }

  /** Makes a copy, whole or not at all, over an older one. */
  async write(place: Place, bytes: Uint8Array, mtime: number): Promise<string> {
    const file = this.pathOf(place);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await this.keepOrigin(place);
    const part = `${file}.${String(process.pid)}.part`;
    try {
      await fs.writeFile(part, bytes);
      await fs.utimes(part, new Date(), new Date(mtime));
      await fs.rename(part, file);
    } catch (error) {
      await fs.rm(part, { force: true });
      throw error;
    }
    return file;
  }

  /** Removes a copy, where there is one. */
  async remove(file: string): Promise<void> {
    await fs.rm(file, { force: true });
  }

  /** Removes copies, those not used for longest first, until all together have at most `limit` bytes; never those of `kept`. */
  async prune(limit: number, kept: ReadonlySet<string>): Promise<void> {
    const copies = await this.files();
    let total = copies.reduce((sum, { size }) => sum + size, 0);
    for (const { file, size } of copies.sort((a, b) => a.used - b.used)) {
      if (total <= limit) return;
      if (kept.has(file)) continue;
      await fs.rm(file, { force: true });
      total -= size;
    }
  }

  /** Removes all copies. Returns how many bytes they had. */
  async clear(): Promise<number> {
    const bytes = (await this.files()).reduce((sum, { size }) => sum + size, 0);
    await fs.rm(this.folder, { recursive: true, force: true });
    return bytes;
  }

  private async files(): Promise<{ file: string; size: number; used: number }[]> {
    const entries = await fs
      .readdir(this.folder, { recursive: true, withFileTypes: true })
      .catch(() => [] as syncFs.Dirent[]);
    const found: { file: string; size: number; used: number }[] = [];
    for (const entry of entries) {
      if (!entry.isFile() || entry.name.endsWith(ORIGIN_ENDING)) continue;
      const file = path.join(entry.parentPath, entry.name);
      const stat = await fs.stat(file).catch(() => null);
      if (stat) found.push({ file, size: stat.size, used: stat.atimeMs });
    }
    return found;
  }

  private async keepOrigin(place: Place): Promise<void> {
    const { scheme, authority, query } = place;
    const note = path.join(this.folder, rootName(place) + ORIGIN_ENDING);
    await fs.writeFile(note, JSON.stringify({ scheme, authority, query }));
  }

  /** Read once: what a window before this one copied. */
  private originOf(root: string): Origin | null {
    const known = this.origins.get(root);
    if (known !== undefined) return known;
    const origin = readOrigin(path.join(this.folder, root + ORIGIN_ENDING));
    this.origins.set(root, origin);
    return origin;
  }
}

function readOrigin(note: string): Origin | null {
  try {
    const read = JSON.parse(syncFs.readFileSync(note, 'utf8')) as Record<string, unknown>;
    const { scheme, authority, query } = read;
    const isOrigin = [scheme, authority, query].every((part) => typeof part === 'string');
    return isOrigin ? { scheme: String(scheme), authority: String(authority), query: String(query) } : null;
  } catch {
    return null;
  }
}
