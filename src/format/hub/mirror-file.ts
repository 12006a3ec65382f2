import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { problemFromError, failure, success, type Problem, type Result } from '../../protocol/result';
import { blocksFileOf, heldBlocks, MIRROR_BLOCK } from '../../tensor/mirrored';
import { countOf, refuse } from '../problems';
import { askFirst, countFetched } from './allowance';
import { throughLibrary } from './guarded-fetch';
import type { HubAnswer } from './http';
import { readJson, writeWhole } from './kept';
import { encodedPath } from './listing';
import { problemOfRange, type MirrorSource } from './range-answer';
import { hubSettings } from './settings';

/** How fetching is watched and stopped. */
export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that have come since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/** No request is for more. */
const MOST_AT_ONCE = 64 * MIRROR_BLOCK;
/** All copies have the same time of modification, as they never change; blocks that come in later would else look like changes. */
const TIME = 1_000_000_000;

/** Makes the copy of a remote file with no block in it yet; a copy that is there already stays. */
export async function makeMirror(file: string, source: MirrorSource): Promise<void> {
  await fs.mkdir(paths.dirname(file), { recursive: true });
  const known = await readSource(file);
  const found = await fs.stat(file).catch(() => null);
  const isSame = known && addressOf(known) === addressOf(source) && known.etag === source.etag;
  if (isSame && found?.size === source.bytes) return;
  await fs.writeFile(blocksFileOf(file), new Uint8Array(Math.ceil(source.bytes / MIRROR_BLOCK)));
  await fs.writeFile(file, '');
  await fs.truncate(file, source.bytes);
  await fs.utimes(file, TIME, TIME);
  await writeWhole(sourceFileOf(file), JSON.stringify(source));
}

/** Runs of bytes of `ranges` that are not in a copy yet, in whole blocks, none longer than one request takes. */
export function missingRuns(
  held: Uint8Array,
  bytes: number,
  ranges: readonly (readonly [start: number, end: number])[],
): [number, number][] {
  const wanted = new Uint8Array(Math.ceil(bytes / MIRROR_BLOCK));
  for (const [start, end] of ranges) {
    if (end > start) wanted.fill(1, Math.floor(start / MIRROR_BLOCK), Math.ceil(end / MIRROR_BLOCK));
  }
  const runs: [number, number][] = [];
  for (const [block, want] of wanted.entries()) {
    if (want === 0 || held[block] === 1) continue;
    const [start, end] = [block * MIRROR_BLOCK, Math.min(bytes, (block + 1) * MIRROR_BLOCK)];
    const last = runs.at(-1);
    if (last && last[1] === start && end - last[0] <= MOST_AT_ONCE) last[1] = end;
    else runs.push([start, end]);
  }
  return runs;
}

/**
 * Fetches what is missing of the ranges of a copy. Fails with `hub-changed` where the file is another than the copy was made of,
 * `hub-range-ignored`, `hub-copy`, `hub-ask` where the user has to be asked first, or as asking does. What has come stays.
 */
export async function fetchRanges(
  file: string,
  ranges: readonly (readonly [start: number, end: number])[],
  options: FetchOptions = {},
): Promise<Result<null>> {
  const source = await readSource(file);
  if (!source) return refuse('hub-copy', file, `${file} is a part of a copy that nothing is known of.`);
  const runs = missingRuns(heldBlocks(file), source.bytes, ranges);
  const bytes = bytesOf(runs);
  const ask = askFirst(bytes, new URL(source.endpoint).host, [source.repository]);
  if (ask) return failure(ask);
  countFetched(bytes);
  for (const run of runs) {
    const fetched = await fetchRun(file, source, run, options);
    if (!fetched.ok) return fetched;
  }
  return success(null);
}

/** Bytes that {@link fetchRanges} would fetch. */
export async function missingBytes(
  file: string,
  ranges: readonly (readonly [start: number, end: number])[],
): Promise<number> {
  const source = await readSource(file);
  if (!source) return 0;
  return bytesOf(missingRuns(heldBlocks(file), source.bytes, ranges));
}

function bytesOf(runs: readonly (readonly [start: number, end: number])[]): number {
  return runs.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** A large file that Xet keeps comes by the same route, as a store in front of Xet answers ranges of it. */
function addressOf({ endpoint, repository, commit, name }: MirrorSource): string {
  return `${endpoint}/${repository}/resolve/${commit}/${encodedPath(name)}`;
}

async function fetchRun(
  file: string,
  source: MirrorSource,
  [start, end]: readonly [number, number],
  { signal, onBytes }: FetchOptions,
): Promise<Result<null>> {
  const settings = hubSettings();
  const { endpoint, repository, commit, name, bytes, etag } = source;
  if (settings.endpoint !== endpoint)
    return refuse(
      'hub-copy',
      file,
      `${file} is a copy from ${endpoint}, and HF_ENDPOINT names ${settings.endpoint}.`,
    );
  const url = addressOf(source);
  let answered: HubAnswer | null = null;
  const check = (answer: HubAnswer): Problem | null => {
    answered = answer;
    return problemOfRange(source, answer, url, start, end);
  };
  const guard = { check, signal, mostBytes: null };
  const stored = await throughLibrary(settings, url, guard, async (library, fetch) => {
    const remote = await library.downloadFile({
      repo: { type: 'model', name: repository },
      revision: commit,
      path: encodedPath(name),
      hubUrl: endpoint,
      // What the listing said; the library would ask for it again, and for the places of its parts in Xet.
      downloadInfo: { url, size: bytes, etag: etag ?? '' },
      xet: false,
      fetch,
    });
    const body = remote?.slice(start, end).stream();
    return store(file, body, url, start, end, onBytes);
  });
  if (!stored.ok) return stored;
  if (stored.value.ok) await noteTag(file, source, answered);
  return stored.value;
}

/** Remembers the ETag of a store where the Hub said no hash of its own. */
async function noteTag(file: string, source: MirrorSource, answer: HubAnswer | null): Promise<void> {
  if (!answer || answer.linked !== null || answer.etag === null || source.seen !== undefined) return;
  await writeWhole(sourceFileOf(file), JSON.stringify({ ...source, seen: answer.etag }));
}

async function store(
  file: string,
  body: ReadableStream<Uint8Array> | undefined,
  url: string,
  start: number,
  end: number,
  onBytes: FetchOptions['onBytes'],
): Promise<Result<null>> {
  const handle = await fs.open(file, 'r+');
  let at = start;
  try {
    for await (const bytes of body ?? []) {
      if (at + bytes.length > end)
        return refuse('hub-range-ignored', url, `${url}: the server sends more than was asked for.`);
      await handle.write(bytes, 0, bytes.length, at);
      at += bytes.length;
      onBytes?.(bytes.length);
    }
  } catch (error) {
    if (isSystemError(error)) return failure(problemFromError(error, file));
    throw error;
  } finally {
    await handle.close();
    await fs.utimes(file, TIME, TIME);
    await note(file, start, at, end);
  }
  if (at === end) return success(null);
  return refuse('hub-offline', url, `${url} broke off ${countOf(end - at, 'byte')} too early.`);
}

/** Notes the blocks that came whole. */
async function note(file: string, start: number, at: number, end: number): Promise<void> {
  const first = start / MIRROR_BLOCK;
  const last = at === end ? Math.ceil(end / MIRROR_BLOCK) : Math.floor(at / MIRROR_BLOCK);
  if (last <= first) return;
  const handle = await fs.open(blocksFileOf(file), 'r+');
  await handle.write(new Uint8Array(last - first).fill(1), 0, last - first, first);
  await handle.close();
}

function isSystemError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'syscall' in error &&
    'errno' in error &&
    'code' in error &&
    error.code === 'ENOSPC'
  );
}

function sourceFileOf(file: string): string {
  return `${file}.hub-source`;
}

/** What a file is a copy of; `null` where nothing is known of it. */
export async function readSource(file: string): Promise<MirrorSource | null> {
  const source = await readJson(sourceFileOf(file));
  return typeof source === 'object' && source !== null && 'repository' in source
    ? (source as MirrorSource)
    : null;
}
