import path from 'node:path';
import type { ExplorerEntry, WorkspaceContents } from '../protocol/explorer';
import { isCheckpointFilePath, isCheckpointName } from '../protocol/checkpoint-names';

/** The part of the workspace's contents that tells what a changed file concerns. */
export interface Dependents {
  /** Adapters' folders, with the base each one was found to have. */
  readonly adapters: readonly { readonly config: string; readonly base: string | null }[];
  readonly studies: readonly string[];
}

/** Reads the dependents off the workspace's contents. */
export function dependentsIn(contents: WorkspaceContents): Dependents {
  const entries = contents.families.flatMap((family) => family.entries);
  const adapters = entries
    .filter((entry) => entry.kind === 'adapter')
    .map((entry) => ({
      config: path.join(folderOf(entry), 'adapter_config.json'),
      base: entry.basePath ?? null,
    }));
  return { adapters, studies: contents.studies.map((study) => study.path) };
}

/** The folder an entry's files lie in, whether the entry names the folder or a file in it. */
export function folderOf(entry: Pick<ExplorerEntry, 'path'>): string {
  return isCheckpointFilePath(entry.path) ? path.dirname(entry.path) : entry.path;
}

/** `came-or-went`: the set of files is another now. `written`: the same file has other contents. */
export type Change = 'came-or-went' | 'written';

/**
 * The files whose checks can say something else once `changed` did: itself; for weights the index and the adapter
 * configuration beside them, adapters whose base they are, and studies. A base that came may be the one an adapter
 * missed. Some of the files may not exist.
 */
export function affectedBy(changed: string, change: Change, dependents: Dependents): readonly string[] {
  const folder = path.dirname(changed);
  const affected = new Set([changed]);
  const isWeights = isCheckpointName(path.basename(changed));
  if (isWeights) {
    const stem = path
      .basename(changed)
      .replace(/\.\w+$/, '')
      .replace(/-\d+-of-\d+$/, '');
    affected.add(path.join(folder, 'adapter_config.json'));
    affected.add(path.join(folder, `${stem}.safetensors.index.json`));
  }
  if (path.basename(changed) === 'adapter_config.json') {
    affected.add(path.join(folder, 'adapter_model.safetensors'));
  }
  if (!isWeights && !changed.endsWith('.index.json')) return [...affected];
  for (const { config, base } of dependents.adapters) {
    const isBase = base !== null && (base === changed || folderOf({ path: base }) === folder);
    if (isBase || change === 'came-or-went') affected.add(config);
  }
  for (const study of dependents.studies) affected.add(study);
  return [...affected];
}
