import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { modelInFolder } from '../format/folder';
import type { AdapterConfig } from './adapter-config';
import { fitTargets } from './adapter-fit';
import type { AdapterTarget } from './adapters/family';
import { describeAdapter } from './describe-adapter';

/** Where an adapter's base is. */
export interface FoundBase {
  /** Absolute real path of the file or folder. */
  readonly path: string;
  /** The configuration did not lead to it: it fits by tensor shapes, and by name where several do. */
  readonly inferred: boolean;
}

/** What is known of an adapter whose base is looked for. */
export interface AdapterFiles {
  /** PEFT's configuration; `null` where there is none. */
  readonly config: AdapterConfig | null;
  readonly tensors: readonly TensorEntry[];
}

/**
 * Finds the base of an adapter: `base_model_name_or_path` relative to the adapter's folder, then to each of `roots`
 * (where it leads to the adapter's own folder, the model in there); else the one checkpoint of `candidates` that has
 * all its modules in the right shapes. Where several fit, the one whose folder is called like the base, else the only
 * one that is called `base`. A path that leaves `roots` (after following links) is never returned. `null`: not found,
 * or not unique.
 */
export async function findAdapterBase(
  { config, tensors }: AdapterFiles,
  roots: readonly string[],
  candidates: readonly Checkpoint[],
): Promise<FoundBase | null> {
  const named = config && (await followName(config, roots));
  if (named !== null) return { path: named, inferred: false };
  const settings = { config, fields: new Map(), metadata: {}, scalars: new Map() };
  const targets = describeAdapter(settings, tensors, config?.path ?? '')?.targets ?? [];
  const turned = config?.fanInFanOut ?? false;
  const fitting = candidates.filter((candidate) => fits(targets, candidate, turned));
  const chosen =
    only(fitting) ??
    only(fitting.filter((candidate) => isCalled(candidate.path, config?.baseName ?? null))) ??
    only(fitting.filter((candidate) => isCalledBase(candidate.path)));
  const path = chosen ? await realPathInside(chosen.path, roots) : null;
  return path === null ? null : { path, inferred: true };
}

async function followName(config: AdapterConfig, roots: readonly string[]): Promise<string | null> {
  const { baseName } = config;
  if (baseName === null || baseName.includes('\0')) return null;
  const starts = isAbsolute(baseName) ? [baseName] : [dirname(config.path), ...roots];
  for (const start of starts) {
    const path = await realPathInside(resolve(start, baseName), roots);
    const base = path === null ? null : await besideAdapter(path, config.path, roots);
    if (base !== null) return base;
  }
  return null;
}

/** The path itself, unless it is the adapter's own folder: then the model in it, since an adapter is no base of itself. */
async function besideAdapter(
  path: string,
  configPath: string,
  roots: readonly string[],
): Promise<string | null> {
  if (path !== (await realPathOf(dirname(configPath)))) return path;
  const name = modelInFolder(await readdir(path).catch(() => []));
  return name === null ? null : realPathInside(join(path, name), roots);
}

/** The real path, where it exists and lies inside one of the roots. */
async function realPathInside(path: string, roots: readonly string[]): Promise<string | null> {
  const real = await realPathOf(path);
  if (real === null) return null;
  for (const root of roots) {
    const realRoot = await realPathOf(root);
    if (realRoot !== null && isInside(real, realRoot)) return real;
  }
  return null;
}

/** The path with every link followed; `null` where there is nothing. */
export async function realPathOf(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch {
    return null;
  }
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function fits(targets: readonly AdapterTarget[], candidate: Checkpoint, fanInFanOut: boolean): boolean {
  const placed = fitTargets(targets, candidate, fanInFanOut);
  return placed.length > 0 && placed.every(({ kind }) => kind === 'fits');
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}

/** Names of files that say nothing about the model in them. */
const PLAIN_FILE_NAMES =
  /^(?:model|adapter_model|pytorch_model|diffusion_pytorch_model|adapters?|weights|consolidated)$/i;

/** The folder of a checkpoint, or its file without endings where the file has a name of its own; absolute. */
export function homeOf(path: string): string {
  const name = basename(path)
    .replace(/\.index\.json$/i, '')
    .replace(/\.(?:safetensors|bin|pt|pth|gguf|json)$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
  if (name === basename(path)) return path;
  return PLAIN_FILE_NAMES.test(name) || name === 'adapter_config' ? dirname(path) : join(dirname(path), name);
}

/** Whether the folder is called like the last part of a hub name (`org/charlm-base`: `charlm-base`, `charlm/base`). */
function isCalled(path: string, baseName: string | null): boolean {
  const wanted = baseName?.split('/').at(-1)?.toLowerCase() ?? '';
  if (wanted === '') return false;
  const home = homeOf(path);
  const name = basename(home).toLowerCase();
  return name === wanted || `${basename(dirname(home)).toLowerCase()}-${name}` === wanted;
}

/** Whether file or folder is called `base`, or has that word in its name. */
export function isCalledBase(path: string): boolean {
  return /(?:^|[-_.])base(?:$|[-_.])/i.test(basename(homeOf(path)));
}
