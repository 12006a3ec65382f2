import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { isCommit, isPlain, type HubFile } from './listing';
import type { HubSettings } from './settings';

/** What a branch or tag stood for when the Hub was asked last. */
export interface KnownCommit {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  /** Milliseconds since 1970. */
  readonly asked: number;
}

/** The folder of a model's copies: one for each commit in it, so that copies never change, and `refs`. */
export function modelFolder({ folder, endpoint }: HubSettings, repository: string): string {
  const host = new URL(endpoint).host.replaceAll(':', '_');
  return paths.join(folder, host, repository.replace('/', '--'));
}

/** Notes, in the folder of a model's copies, what a revision stands for now. */
export async function rememberCommit(model: string, known: KnownCommit): Promise<void> {
  await writeWhole(paths.join(model, REFS, fileNameFor(known.revision)), JSON.stringify(known));
}

/** What a revision stood for when the Hub was asked last; `null` where it never was. */
export async function recallCommit(
  model: string,
  repository: string,
  revision: string,
): Promise<KnownCommit | null> {
  const known = knownFrom(await readJson(paths.join(model, REFS, fileNameFor(revision))));
  // Two names can share a folder: `a--b/c` and `a/b--c`.
  return known?.revision === revision && known.repository === repository ? known : null;
}

/** Every revision of a model that was asked for. */
export async function knownCommits(model: string): Promise<KnownCommit[]> {
  const names = await fs.readdir(paths.join(model, REFS)).catch(() => []);
  const read = await Promise.all(names.map((name) => readJson(paths.join(model, REFS, name))));
  return read.map(knownFrom).filter((known) => known !== null);
}

/** Keeps what is in a folder of a commit, beside the copies of that commit. */
export async function keepListing(copies: string, folder: string, files: readonly HubFile[]): Promise<void> {
  await writeWhole(listingFile(copies, folder), JSON.stringify(files));
}

/** What is in a folder of a commit, where it was asked for before: a commit never changes. */
export async function keptListing(copies: string, folder: string): Promise<readonly HubFile[] | null> {
  const kept = await readJson(listingFile(copies, folder));
  return Array.isArray(kept) && kept.every(isFile) ? kept : null;
}

/** Beside the copies of a commit; when it was used last is the time of this folder. */
export const LISTINGS = '.listings';
const REFS = 'refs';
let writes = 0;

function listingFile(copies: string, folder: string): string {
  return paths.join(copies, LISTINGS, fileNameFor(folder));
}

/** Revisions and folders may be named as no file may. */
function fileNameFor(text: string): string {
  return `${createHash('sha256').update(text).digest('hex').slice(0, 32)}.json`;
}

function knownFrom(value: unknown): KnownCommit | null {
  if (typeof value !== 'object' || value === null) return null;
  const { repository, revision, commit, asked } = value as Record<keyof KnownCommit, unknown>;
  if (typeof repository !== 'string' || typeof revision !== 'string') return null;
  if (typeof commit !== 'string' || !isCommit(commit)) return null;
  return Number.isSafeInteger(asked) ? { repository, revision, commit, asked: Number(asked) } : null;
}

function isFile(value: unknown): value is HubFile {
  if (typeof value !== 'object' || value === null) return false;
  const { name, bytes, etag } = value as Record<keyof HubFile, unknown>;
  const hasTag = etag === null || typeof etag === 'string';
  return typeof name === 'string' && isPlain(name) && Number.isSafeInteger(bytes) && hasTag;
}

/** The JSON in a file; `null` where there is none. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await fs.readFile(file, 'utf8')) as unknown;
  } catch {
    return null;
  }
}

/** Writes a small file under another name first, so that it is there whole or not at all. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await fs.mkdir(paths.dirname(file), { recursive: true });
  const temporary = `${file}.${String(process.pid)}-${String(writes++)}.tmp`;
  await fs.writeFile(temporary, content);
  await fs.rename(temporary, file);
}
