import path from 'node:path';
import type { Checkpoint } from '../../format/checkpoint';
import { findAdapterBase } from '../../model/adapter';
import { groupFamilies, type FamilyMember } from '../../model/family';
import { readArchitecture } from '../../model/read-architecture';
import {
  isCheckpointName,
  isDistributedFolder,
  isOtherContainerName,
  safetensorsTwins,
} from '../../protocol/checkpoint-names';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { cancelled, success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inParallel } from './in-parallel';
import { openDescribed, type Described } from './open-described';
import { walk, type Folder } from './walk';

/** Checkpoints that the tree takes. */
const MOST_CHECKPOINTS = 2000;
/** Headers read at a time: hides the latency of a network disk. */
const WIDTH = 8;
/** What the names of indexes end with, that of the container that can be trusted first. */
const INDEX_ENDINGS = ['.safetensors.index.json', '.bin.index.json'] as const;
const STUDY = /\.study\.ya?ml$/i;

interface Found {
  readonly path: string;
  readonly described: Described | null;
  readonly problem: string | null;
}

/**
 * Finds checkpoints, adapters and studies below the roots and groups them in families. Reads headers and configurations
 * only; what cannot be read is listed with its problem.
 */
export async function explore(
  { roots }: RequestParams<'deltalens/explore'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/explore'>> {
  const { folders, truncated } = await walk(roots, context.signal);
  const withWeights = folders.filter(({ files }) => files.some(isWeights) || isDistributedFolder(files));
  const found = (await inParallel(withWeights, WIDTH, (folder) => openFolder(folder, context))).flat();
  if (context.signal.aborted) return cancelled();
  const taken = found.slice(0, MOST_CHECKPOINTS);
  const members = await inParallel(taken, WIDTH, (each) => memberOf(each, taken, roots));
  return success({
    families: groupFamilies(members),
    studies: folders.flatMap(studiesIn),
    truncated: truncated || found.length > taken.length,
  });
}

function isWeights(name: string): boolean {
  return isCheckpointName(name) || isIndex(name);
}

function isIndex(name: string): boolean {
  return INDEX_ENDINGS.some((ending) => name.endsWith(ending));
}

function studiesIn(folder: Folder): { path: string; name: string }[] {
  return folder.files
    .filter((name) => STUDY.test(name))
    .map((name) => ({ path: path.join(folder.path, name), name: name.replace(STUDY, '') }));
}

/** Opens the indexes of a folder first: their shards are no checkpoints of their own. */
async function openFolder(folder: Folder, context: AnalysisContext): Promise<Found[]> {
  const found: Found[] = [];
  const shards = new Set<string>();
  for (const name of folder.files.filter(isIndex)) {
    const [safe, torch] = INDEX_ENDINGS;
    const ending = name.endsWith(safe) ? safe : torch;
    const stem = name.slice(0, -ending.length);
    const isTwin = ending === torch && folder.files.includes(`${stem.replace(/^pytorch_/, '')}${safe}`);
    for (const file of folder.files.filter((each) => isTwin && isShardOf(each, stem))) shards.add(file);
    // The same weights once, in the container that can be trusted.
    if (isTwin) continue;
    const index = await openOne(path.join(folder.path, name), context);
    found.push(index);
    for (const file of index.described?.checkpoint.files ?? []) shards.add(path.basename(file.path));
    if (index.described) continue;
    for (const file of folder.files.filter((each) => isShardOf(each, stem))) shards.add(file);
  }
  for (const name of folder.files) {
    if (context.signal.aborted) break;
    if (name.endsWith('.safetensors') && !shards.has(name)) {
      found.push(await openOne(path.join(folder.path, name), context));
    }
  }
  for (const name of folder.files.filter(isOtherContainerName)) {
    if (context.signal.aborted) break;
    if (shards.has(name)) continue;
    // The same weights once, in the container that can be trusted.
    if (safetensorsTwins(name).some((twin) => folder.files.includes(twin))) continue;
    const one = await openOne(path.join(folder.path, name), context);
    // By its name it may be anything; what others wrote is no broken checkpoint.
    if (one.described !== null && one.described.checkpoint.tensors.length > 0) found.push(one);
  }
  if (isDistributedFolder(folder.files)) found.push(await openOne(folder.path, context));
  return found;
}

/** `model-00001-of-00003.safetensors` is a shard of `model`. */
function isShardOf(name: string, stem: string): boolean {
  return name.startsWith(`${stem}-`) && /^-\d+-of-\d+\.(?:safetensors|bin)$/.test(name.slice(stem.length));
}

async function openOne(file: string, context: AnalysisContext): Promise<Found> {
  const opened = await openDescribed(file, context);
  if (!opened.ok) return { path: file, described: null, problem: opened.problem.message };
  return { path: file, described: opened.value, problem: opened.value.adapterProblem?.message ?? null };
}

async function memberOf(
  { path: file, described, problem }: Found,
  all: readonly Found[],
  roots: readonly string[],
): Promise<FamilyMember> {
  const startedFrom = (await readArchitecture(path.dirname(file))).architecture?.startedFrom ?? null;
  return {
    path: file,
    checkpoint: described && described.checkpoint,
    ...(problem === null ? {} : { problem }),
    ...(startedFrom === null ? {} : { startedFrom }),
    ...(described?.adapter ? { adapter: await adapterOf(described, all, roots) } : {}),
  };
}

async function adapterOf(
  { checkpoint, adapter }: Described,
  all: readonly Found[],
  roots: readonly string[],
): Promise<{ kind: string; basePath: string | null }> {
  if (!adapter) return { kind: '', basePath: null };
  const candidates: Checkpoint[] = all.flatMap(({ described }) =>
    described && !described.adapter ? [described.checkpoint] : [],
  );
  const files = { config: adapter.config, tensors: checkpoint.tensors };
  const base = await findAdapterBase(files, roots, candidates);
  const { kind, rank } = adapter.summary;
  return { kind: rank === '' ? kind : `${kind} r${rank}`, basePath: base && base.path };
}
