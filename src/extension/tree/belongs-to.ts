import * as path from 'node:path';
import type { ExplorerEntry } from '../../protocol/explorer';

const INDEX = /\.(?:safetensors|bin)\.index\.json$/;

/**
 * Whether what is wrong with `file` is wrong with a checkpoint or adapter: its own file, its configuration, the shards
 * of an index.
 */
export function belongsTo(entry: Pick<ExplorerEntry, 'path' | 'kind'>, file: string): boolean {
  if (file === entry.path) return true;
  if (path.dirname(file) !== path.dirname(entry.path)) return false;
  const name = path.basename(file);
  if (name === 'adapter_config.json') return entry.kind === 'adapter';
  if (name === 'config.json') return entry.kind !== 'adapter';
  const own = path.basename(entry.path);
  return INDEX.test(own) && name.startsWith(`${own.replace(INDEX, '')}-`);
}
