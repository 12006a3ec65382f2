import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { problemFromError, failure, success, type Result } from '../../protocol/result';
import { blocksFileOf, heldBlocks, MIRROR_BLOCK } from '../../tensor/mirrored';
import { countOf, refuse } from '../problems';
import { askHub, transferProblem } from './http';
import { hubSettings } from './settings';

/** What a copy of a remote file is a copy of. */
export interface MirrorSource {
  readonly endpoint: string;
  /** Path on the endpoint, of a commit: its content never changes. */
  readonly path: string;
  readonly bytes: number;
  readonly etag: string | null;
}

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
  if (known && found?.size === source.bytes && known.path === source.path && known.etag === source.etag)
    return;
  await fs.writeFile(blocksFileOf(file), new Uint8Array(Math.ceil(source.bytes / MIRROR_BLOCK)));
  await fs.writeFile(file, '');
  await fs.truncate(file, source.bytes);
  await fs.utimes(file, TIME, TIME);
  await fs.writeFile(sourceFileOf(file), JSON.stringify(source));
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
 * `hub-range-ignored`, `hub-copy`, or as asking does. What has come stays.
 */
export async function fetchRanges(
  file: string,
  ranges: readonly (readonly [start: number, end: number])[],
  options: FetchOptions = {},
): Promise<Result<null>> {
  const source = await readSource(file);
  if (!source) return refuse('hub-copy', file, `${file} is a part of a copy that nothing is known of.`);
  for (const run of missingRuns(heldBlocks(file), source.bytes, ranges)) {
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
  return missingRuns(heldBlocks(file), source.bytes, ranges).reduce(
    (sum, [start, end]) => sum + end - start,
    0,
  );
}

async function fetchRun(
  file: string,
  source: MirrorSource,
  [start, end]: readonly [number, number],
  { signal, onBytes }: FetchOptions,
): Promise<Result<null>> {
  const settings = hubSettings();
  if (settings.endpoint !== source.endpoint)
    return refuse(
      'hub-copy',
      file,
      `${file} is a copy from ${source.endpoint}, and HF_ENDPOINT names ${settings.endpoint}.`,
    );
  const answered = await askHub(settings, source.path, { range: [start, end], signal });
  if (!answered.ok) return answered;
  const { response, etag } = answered.value;
  const url = source.endpoint + source.path;
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (response.status !== 206 && !(response.status === 200 && start === 0 && end === source.bytes)) {
    await response.body?.cancel();
    if (response.status === 416) return changed(url);
    return refuse(
      'hub-range-ignored',
      url,
      `${url}: the server sends the whole file where a part was asked for.`,
    );
  }
  if (
    (etag !== null && source.etag !== null && etag !== source.etag) ||
    (range && Number(range[3]) !== source.bytes)
  ) {
    await response.body?.cancel();
    return changed(url);
  }
  if (range && Number(range[1]) !== start)
    return refuse('hub-range-ignored', url, `${url}: the server sends other bytes than those asked for.`);
  return store(file, response, url, start, end, signal, onBytes);
}

function changed(url: string): Result<never> {
  return refuse('hub-changed', url, `${url} is another file than when it was opened.`);
}

async function store(
  file: string,
  response: Response,
  url: string,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
  onBytes: FetchOptions['onBytes'],
): Promise<Result<null>> {
  const handle = await fs.open(file, 'r+');
  let at = start;
  try {
    for await (const piece of response.body ?? []) {
      const bytes = piece as Uint8Array;
      if (at + bytes.length > end)
        return refuse('hub-range-ignored', url, `${url}: the server sends more than was asked for.`);
      await handle.write(bytes, 0, bytes.length, at);
      at += bytes.length;
      onBytes?.(bytes.length);
    }
  } catch (error) {
    return isSystemError(error)
      ? failure(problemFromError(error, file))
      : transferProblem(error, url, signal);
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

async function readSource(file: string): Promise<MirrorSource | null> {
  try {
    return JSON.parse(await fs.readFile(sourceFileOf(file), 'utf8')) as MirrorSource;
  } catch {
    return null;
  }
}
