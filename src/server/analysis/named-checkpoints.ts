import fs from 'node:fs/promises';
import path from 'node:path';
import { INDEX_ENDING } from '../../format/safetensors-sharded';
import { isCheckpointName } from '../../protocol/checkpoint-names';
import type { NamedCheckpoint, RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inParallel } from './in-parallel';

/** Looked up at a time: hides the latency of a network disk. */
const WIDTH = 8;

/** Finds what texts of a document name: looks at names of files and folders only, and at none outside the roots. */
export async function namedCheckpoints(
  { document, names, roots }: RequestParams<'deltalens/named'>,
  { signal }: AnalysisContext,
): Promise<RequestResult<'deltalens/named'>> {
  const real = (await Promise.all(roots.map(realPath))).filter((root) => root !== null);
  const found = await inParallel(names, WIDTH, (name) =>
    signal.aborted ? Promise.resolve(null) : lookUp(name, path.dirname(document), roots, real),
  );
  return success(found);
}

async function lookUp(
  name: string,
  folder: string,
  roots: readonly string[],
  real: readonly string[],
): Promise<NamedCheckpoint | 'missing' | null> {
  const places = path.isAbsolute(name) ? [name] : [folder, ...roots].map((from) => path.resolve(from, name));
  const inside = [...new Set(places)].filter((place) => roots.some((root) => isIn(root, place)));
  if (inside.length === 0) return null;
  let exists = false;
  for (const place of inside) {
    const target = await realPath(place);
    if (target === null) continue;
    exists = true;
    // A link may lead out of the workspace.
    if (!real.some((root) => isIn(root, target))) continue;
    const file = await mainFile(place);
    if (file !== null) return { path: place, file };
  }
  return exists ? null : 'missing';
}

/** The file that is opened for a path; `null` where neither it nor anything in it is a checkpoint by its name. */
async function mainFile(place: string): Promise<string | null> {
  const stat = await fs.stat(place).catch(() => null);
  if (stat?.isFile()) return isOurs(path.basename(place)) ? place : null;
  if (!stat?.isDirectory()) return null;
  const names = (await fs.readdir(place).catch(() => [])).filter(isOurs).sort();
  const rank = (name: string) => {
    if (name === 'adapter_model.safetensors') return 0;
    return name.endsWith(INDEX_ENDING) ? 1 : name === 'model.safetensors' ? 2 : 3;
  };
  const [first] = names.sort((a, b) => rank(a) - rank(b));
  return first === undefined ? null : path.join(place, first);
}

function isOurs(name: string): boolean {
  return isCheckpointName(name) || name.endsWith(INDEX_ENDING);
}

function isIn(root: string, place: string): boolean {
  const relative = path.relative(root, place);
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

async function realPath(place: string): Promise<string | null> {
  return fs.realpath(place).catch(() => null);
}
