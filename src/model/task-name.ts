import { basename, dirname } from 'node:path';
import { homeOf } from './adapter-base';

/** The name that people would give a checkpoint: its folder's, or its file's where that says more than `model`. */
export function nameOf(path: string): string {
  return basename(homeOf(path)) || path;
}

/** A name for each path, unique among them: folders above are added while names are equal, a number in the end. */
export function uniqueNames(paths: readonly string[]): string[] {
  const depths = paths.map(() => 1);
  for (let round = 0; round < 8; round++) {
    const names = paths.map((path, index) => nameWithFolders(path, depths[index] ?? 1));
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    if (twice.size === 0) return names;
    names.forEach((name, index) => {
      if (twice.has(name)) depths[index] = (depths[index] ?? 1) + 1;
    });
  }
  return paths.map((path, index) => `${nameOf(path)} ${String(index + 1)}`);
}

function nameWithFolders(path: string, depth: number): string {
  const parts: string[] = [];
  let at = homeOf(path);
  for (let level = 0; level < depth && basename(at) !== ''; level++) {
    parts.unshift(basename(at));
    at = dirname(at);
  }
  return parts.join('/') || path;
}
