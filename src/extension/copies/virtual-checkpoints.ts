import { isDistributedFolder, isCheckpointName } from '../../protocol/checkpoint-names';
import { mainFiles } from '../panels/main-file';

/** Folders that are looked into; listing one may be a question over the network. */
const MOST_FOLDERS = 400;
const DEEPEST = 8;
/** Folders without checkpoints of one's own. */
const LEFT_OUT = /^(?:\..*|node_modules|venv|__pycache__|site-packages)$/;

/** What a folder holds: names, and which of them are folders. */
export type ListFolder = (path: string) => Promise<readonly { name: string; isFolder: boolean }[]>;

/**
 * The files that stand for checkpoints and adapters below a folder of a file system without local paths, by their names alone;
 * the nearest first. Of a large tree not all: folders beyond a bound are not looked into.
 */
export async function findCheckpoints(root: string, list: ListFolder): Promise<readonly string[]> {
  const found: string[] = [];
  let level = [root];
  let left = MOST_FOLDERS;
  for (let depth = 0; depth <= DEEPEST && level.length > 0 && left > 0; depth++) {
    const folders = level.slice(0, left);
    left -= folders.length;
    const next: string[] = [];
    for (const [index, entries] of (await Promise.all(folders.map(list))).entries()) {
      const folder = folders[index] ?? root;
      const below = (name: string) => (folder.endsWith('/') ? folder + name : `${folder}/${name}`);
      found.push(...checkpointsIn(entries).map(below));
      next.push(
        ...entries
          .filter(({ name, isFolder }) => isFolder && !LEFT_OUT.test(name))
          .map(({ name }) => below(name)),
      );
    }
    level = next;
  }
  return found;
}

function checkpointsIn(entries: Awaited<ReturnType<ListFolder>>): readonly string[] {
  const names = entries.filter(({ isFolder }) => !isFolder).map(({ name }) => name);
  const isAny =
    names.some((name) => isCheckpointName(name) || name.endsWith('.index.json')) ||
    isDistributedFolder(names);
  return isAny ? mainFiles(names) : [];
}
