import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { problemFromError, success, type Problem, type Result } from '../protocol/result';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { countOf, refuse, type FormatCode } from './problems';
import { readStart, withFile, type FileState } from './read';
import { fingerprintOf, markOf, readDirectory } from './safetensors';
import {
  checkIndex,
  fitsExactly,
  issueFinding,
  issueProblem,
  MAXIMUM_INDEX,
  parseIndex,
  type SafetensorsIndex,
  type Shard,
} from './safetensors-index';

/** What the name of every index ends with. */
export const INDEX_ENDING = '.safetensors.index.json';

/** So many headers are read at once: enough to keep a network disk busy, far from the limit on open files. */
const CONCURRENCY = 8;

/** All headers of a model together; the largest known stay near 100 MB. */
const MAXIMUM_HEADERS = 1_000_000_000;

/**
 * `weight_map` comes after a short `metadata`; an index is recognised within its first bytes, or by its name.
 */
const RECOGNISED_WITHIN = 4096;

/**
 * The absolute path of a shard as an index in `indexPath` names it. Refuses absolute paths, URLs, backslashes
 * and `..` by the text, and then compares real paths, so that no symbolic link leads out of the folder
 * either. The folder is the one the index is seen in or, where the index is itself a link (as in the Hugging
 * Face cache), the one it really lies in.
 */
export async function locateShard(
  indexPath: string,
  name: string,
): Promise<Shard | { state: 'found'; path: string }> {
  const reason = reasonAgainst(name);
  if (reason !== null) return { state: 'outside', reason };
  const folder = paths.dirname(indexPath);
  const path = paths.join(folder, name);
  try {
    const real = await fs.realpath(path);
    const roots = [await fs.realpath(folder), paths.dirname(await fs.realpath(indexPath))];
    if (roots.some((root) => real.startsWith(root.endsWith(paths.sep) ? root : root + paths.sep))) {
      return { state: 'found', path };
    }
    return { state: 'outside', reason: `is a link out of the folder, to ${real}` };
  } catch (error) {
    const problem = problemFromError(error, path);
    return problem.code === 'file-missing' ? { state: 'missing' } : { state: 'unreadable', problem };
  }
}

/** Why a shard's name is refused whatever lies on the disk; `null` where it is a path inside the folder. */
function reasonAgainst(name: string): string | null {
  if (name === '') return 'has an empty name';
  if (name.includes('\\')) return 'has a backslash in its name';
  if ([...name].some((character) => character < ' ')) return 'has a control character in its name';
  if (name.startsWith('/')) return 'is named by an absolute path';
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) return 'is named by a URL or a drive';
  if (name.split('/').includes('..')) return 'is named by a path with ".."';
  return null;
}

/**
 * Finds every shard of an index and has its directory read, some at a time. `read` may be a cache. The result
 * has one entry per name in `index.shards`, in that order.
 */
export async function readShards<D extends { readonly tensors: readonly TensorEntry[] }>(
  indexPath: string,
  index: SafetensorsIndex,
  read: (path: string) => Promise<Result<D>>,
): Promise<ReadonlyMap<string, Shard & { readonly directory?: D }>> {
  const shards = new Map<string, Shard & { readonly directory?: D }>();
  // The order of the map is that of the names, not that in which files answer.
  for (const name of index.shards) shards.set(name, { state: 'missing' });
  const waiting = [...index.shards].values();
  const readOn = async () => {
    for (const name of waiting) {
      const located = await locateShard(indexPath, name);
      if (located.state !== 'found') {
        shards.set(name, located);
        continue;
      }
      const directory = await read(located.path);
      shards.set(
        name,
        directory.ok
          ? { state: 'read', tensors: directory.value.tensors, directory: directory.value }
          : { state: 'unreadable', problem: directory.problem },
      );
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, readOn));
  return shards;
}

/**
 * Reads an index from the disk. Fails as {@link parseIndex} does, with `index-too-large`, or the operating
 * system's answer.
 */
export async function readIndex(
  path: string,
): Promise<Result<{ readonly index: SafetensorsIndex; readonly hash: string }>> {
  const text = await withFile(path, async (file): Promise<Result<Uint8Array>> => {
    if (file.bytes <= MAXIMUM_INDEX) return file.read(0, file.bytes);
    return refuse(
      'index-too-large',
      path,
      `${path} has ${countOf(file.bytes, 'byte')}; ${String(MAXIMUM_INDEX)} are allowed.`,
    );
  });
  if (!text.ok) return text;
  const index = parseIndex(text.value, path);
  if (!index.ok) return index;
  return success({ index: index.value, hash: createHash('sha256').update(text.value).digest('hex') });
}

/** What the directory of a shard of any container has. */
export interface ShardDirectory {
  readonly file: FileState;
  readonly tensors: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
  /** Changes when the shard does. */
  readonly mark: string;
}

/** How an index is opened: its container, how its shards are read, and a code of issues that says nothing there. */
export interface IndexedContainer {
  readonly container: string;
  readonly ignores?: FormatCode;
  readonly read: (path: string) => Promise<Result<ShardDirectory>>;
}

/** Opens the index of a sharded model as one checkpoint. Fails as reading index or shards does, or with an issue that refuses. */
export async function openIndex(
  path: string,
  { container, ignores, read: readShard }: IndexedContainer,
): Promise<Result<Checkpoint>> {
  const read = await readIndex(path);
  if (!read.ok) return read;
  const { index, hash } = read.value;
  const shards = await readShards(path, index, readShard);
  const issues = checkIndex(index, shards).filter(({ code }) => code !== ignores);
  const problem = unreadableShard(shards) ?? issueProblem(issues, path);
  if (problem) return { ok: false, problem };
  const directories = [...shards].flatMap(([name, { directory }]) =>
    directory ? [{ name, directory }] : [],
  );
  return success({
    path,
    container,
    files: directories.map(({ directory }) => directory.file),
    tensors: fitsExactly(index, shards)
      ? directories.flatMap(({ directory }) => directory.tensors)
      : collectTensors(index, directories),
    // What shards say differently, the first of them says.
    metadata: Object.fromEntries(
      directories.toReversed().flatMap(({ directory }) => Object.entries(directory.metadata)),
    ),
    fingerprint: fingerprintOf([hash, ...directories.map(({ directory }) => directory.mark)]),
    findings: [
      ...issues.map((issue) => issueFinding(issue, path)),
      ...directories.flatMap(({ directory }) => directory.findings),
    ],
  });
}

function open(path: string): Promise<Result<Checkpoint>> {
  let left = MAXIMUM_HEADERS;
  return openIndex(path, {
    container: 'safetensors (sharded)',
    read: async (shardPath) => {
      const directory = await readDirectory(shardPath, left);
      if (!directory.ok) return directory;
      left -= directory.value.headerBytes;
      return success({ ...directory.value, mark: markOf(directory.value) });
    },
  });
}

/**
 * Why a shard cannot be read says more than that it cannot. A shard that is missing or outside comes first.
 */
function unreadableShard(shards: ReadonlyMap<string, Shard>): Problem | null {
  const all = [...shards.values()];
  if (all.some((shard) => shard.state === 'missing' || shard.state === 'outside')) return null;
  const unreadable = all.find((shard) => shard.state === 'unreadable');
  return unreadable?.state === 'unreadable' ? unreadable.problem : null;
}

/** All tensors, shard by shard; of one that several shards have, the one that the index names. */
function collectTensors(
  index: SafetensorsIndex,
  directories: readonly { readonly name: string; readonly directory: ShardDirectory }[],
): readonly TensorEntry[] {
  const taken = new Map<string, TensorEntry>();
  for (const { name, directory } of directories) {
    for (const tensor of directory.tensors) {
      if (!taken.has(tensor.name) || index.weightMap.get(tensor.name) === name)
        taken.set(tensor.name, tensor);
    }
  }
  return [...taken.values()];
}

/** JSON with a `weight_map` near its beginning, or under the name of an index. */
async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, RECOGNISED_WITHIN);
  if (!start.ok) return false;
  const text = Buffer.from(start.value).toString('latin1');
  return /^\s*\{/.test(text) && (text.includes('"weight_map"') || path.endsWith(INDEX_ENDING));
}

/** The index of a sharded model, opened as one checkpoint. */
export const safetensorsSharded: Format = {
  description: {
    id: 'safetensors-index',
    title: 'safetensors (sharded)',
    endings: [INDEX_ENDING],
    supports: ['every shard of the index as one model', 'shards inside the folder of the index'],
  },
  recognises,
  open,
};

/**
 * The index of which a file is a shard: any `*.safetensors.index.json` in the same folder that names it.
 * `null` where none does, or none can be read.
 */
export async function shardOf(
  path: string,
): Promise<{ readonly indexPath: string; readonly shards: number } | null> {
  const folder = paths.dirname(path);
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => entry.endsWith(INDEX_ENDING)).sort()) {
    const indexPath = paths.join(folder, name);
    const read = await readIndex(indexPath);
    if (!read.ok) continue;
    const { shards } = read.value.index;
    if (shards.some((shard) => paths.posix.normalize(shard) === paths.basename(path))) {
      return { indexPath, shards: shards.length };
    }
  }
  return null;
}
