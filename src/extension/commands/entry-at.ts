import * as path from 'node:path';
import type { ExplorerEntry, Family, WorkspaceContents } from '../../protocol/explorer';

/**
 * The checkpoint or adapter that is meant by a file or folder: itself, the only one in the folder, or the adapter of an
 * `adapter_config.json`. `undefined` for what the workspace does not list, and for a folder with several.
 */
export function entryAt(contents: WorkspaceContents, file: string): ExplorerEntry | undefined {
  const entries = contents.families.flatMap((family) => family.entries);
  const isConfig = path.basename(file) === 'adapter_config.json';
  const folder = isConfig ? path.dirname(file) : file;
  const meant = entries.filter(
    (entry) =>
      entry.path === file || (path.dirname(entry.path) === folder && (!isConfig || entry.kind === 'adapter')),
  );
  return meant.length === 1 ? meant[0] : undefined;
}

/** The family in which `entry` stands. */
export function familyOf(contents: WorkspaceContents, entry: ExplorerEntry | undefined): Family | undefined {
  return contents.families.find(({ entries }) => entries.some((other) => other.path === entry?.path));
}
