import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { hostname } from 'node:os';
import * as paths from 'node:path';
import { cancelled, failure, problemFromError, success, type Problem, type Result } from '../protocol/result';
import type { OutputFile } from './output-file';
import { countOf, refuse } from './problems';

/** What is to be written: a new file, or a new folder of files. */
export type Output =
  | { readonly kind: 'file'; readonly file: OutputFile }
  | { readonly kind: 'folder'; readonly files: readonly OutputFile[] };

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Bytes written so far, of all. */
  readonly onBytes?: (done: number, total: number) => void;
  /** Asked when everything is written and nothing is in place yet; a problem leaves nothing behind. */
  readonly beforePlacing?: () => Promise<Problem | null>;
}

/** Bytes of all files of an output. */
export function bytesOfOutput(output: Output): number {
  return filesOf(output).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Where an output goes: the real path of its folder and the name that is new in there. Fails with `output-exists` where there
 * is anything by that name (a link that leads nowhere, too), with `disk-full` where the file system has less room than
 * `bytes`, or with the operating system's answer about the folder it is to lie in.
 */
export async function checkOutput(target: string, bytes: number): Promise<Result<string>> {
  const absolute = paths.resolve(target);
  const folder = paths.dirname(absolute);
  try {
    const place = paths.join(await fs.realpath(folder), paths.basename(absolute));
    if (await fs.lstat(place).catch(() => null)) {
      const message = `${absolute} is there already; nothing is ever written over.`;
      return refuse('output-exists', absolute, message);
    }
    await fs.access(folder, fs.constants.W_OK);
    const { bavail, bsize } = await fs.statfs(folder);
    if (bavail * bsize < bytes) {
      const room = `${countOf(bytes, 'byte')} are needed, ${countOf(bavail * bsize, 'byte')} are free`;
      return refuse('disk-full', absolute, `${folder} has too little room: ${room}.`);
    }
    return success(place);
  } catch (error) {
    return failure(problemFromError(error, folder));
  }
}

/**
 * Writes an output so that it is there whole or not at all: under a temporary name beside it, flushed to disk, then renamed.
 * Whatever goes wrong, and when it is cancelled, nothing stays behind. Fails as {@link checkOutput} does, as the pieces do, with
 * `cancelled`, or with what `beforePlacing` says.
 */
export async function writeOutput(
  target: string,
  output: Output,
  options: WriteOptions,
): Promise<Result<string>> {
  const total = bytesOfOutput(output);
  const place = await checkOutput(target, total);
  if (!place.ok) return place;
  await removeLeftovers(place.value);
  const temporary = `${temporaryPrefix(place.value)}${String(process.pid)}-${randomBytes(6).toString('hex')}.tmp`;
  const progress = { done: 0, total };
  try {
    if (output.kind === 'folder') await fs.mkdir(temporary);
    for (const file of filesOf(output)) {
      const path = output.kind === 'folder' ? paths.join(temporary, file.name) : temporary;
      const written = await writeFile(path, file, progress, options);
      if (!written.ok) return written;
    }
    if (options.signal.aborted) return cancelled();
    const problem = (await options.beforePlacing?.()) ?? null;
    if (problem) return failure(problem);
    await putInPlace(temporary, place.value, output.kind);
    return place;
  } catch (error) {
    return failure(problemFromError(error, place.value));
  } finally {
    await fs.rm(temporary, { recursive: true, force: true });
  }
}

/** Temporary names of this machine for a place: the process and a random number follow. */
function temporaryPrefix(place: string): string {
  const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  return paths.join(paths.dirname(place), `.${paths.basename(place)}.${machine}-`);
}

/** Removes what a process left behind that was killed while it wrote to the same place. */
async function removeLeftovers(place: string): Promise<void> {
  const prefix = paths.basename(temporaryPrefix(place));
  const folder = paths.dirname(place);
  for (const name of await fs.readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const [, process] = /^(\d+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length)) ?? [];
    if (process === undefined || isRunning(Number(process))) continue;
    await fs.rm(paths.join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function filesOf(output: Output): readonly OutputFile[] {
  return output.kind === 'file' ? [output.file] : output.files;
}

async function writeFile(
  path: string,
  file: OutputFile,
  progress: { done: number; readonly total: number },
  { signal, onBytes }: WriteOptions,
): Promise<Result<null>> {
  if (file.name !== paths.basename(file.name))
    return refuse('output-name', path, `"${file.name}" is no name of a file in the folder that is written.`);
  const before = progress.done;
  // Fails where there is anything by that name, and so follows no link.
  const handle = await fs.open(path, 'wx');
  try {
    for await (const piece of file.pieces()) {
      if (signal.aborted) return cancelled();
      if (!piece.ok) return piece;
      await handle.writeFile(piece.value);
      progress.done += piece.value.length;
      onBytes?.(progress.done, progress.total);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (progress.done - before === file.bytes) return success(null);
  const found = `${countOf(progress.done - before, 'byte')} came of the ${String(file.bytes)} of ${file.name}`;
  return refuse('file-changed', path, `${found}: an input changed meanwhile.`);
}

/** Renames; what appeared there meanwhile stays as it is, and the answer is `EEXIST`, `ENOTEMPTY` or `ENOTDIR`. */
async function putInPlace(temporary: string, place: string, kind: Output['kind']): Promise<void> {
  if (kind === 'file') return linkInPlace(temporary, place);
  // A folder replaces an empty folder only.
  await fs.rename(temporary, place);
}

/** A file would replace another one silently when renamed; a second name for it is refused. */
async function linkInPlace(temporary: string, place: string): Promise<void> {
  try {
    await fs.link(temporary, place);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EEXIST') throw error;
    // File systems without links (FAT, some network shares).
    if (await fs.lstat(place).catch(() => null)) throw Object.assign(new Error(), { code: 'EEXIST' });
    await fs.rename(temporary, place);
  }
}
