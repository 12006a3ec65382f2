import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { heldBlocks, MIRROR_BLOCK } from '../../tensor/mirrored';
import { LISTINGS } from './kept';
import { isCommit } from './listing';
import type { HubSettings } from './settings';

/**
 * Removes the copies that were not opened for longest until all take no more than the settings allow; the one in `keep` stays, and
 * is marked as used.
 */
export async function makeRoom({ folder, mostBytes }: HubSettings, keep: string): Promise<void> {
  // Not the folder of the copies itself: a directory that was read from it would look changed.
  const mark = paths.join(keep, LISTINGS);
  await fs.mkdir(mark, { recursive: true });
  const now = new Date();
  await fs.utimes(mark, now, now);
  const copies = await copiesBelow(folder);
  let total = copies.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of copies.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= mostBytes) return;
    if (path === keep) continue;
    await fs.rm(path, { recursive: true, force: true });
    total -= bytes;
  }
}

interface KnownCopy {
  readonly path: string;
  readonly usedMs: number;
  readonly bytes: number;
}

/** host / model / commit. */
async function copiesBelow(folder: string): Promise<KnownCopy[]> {
  const copies: KnownCopy[] = [];
  for (const host of await namesIn(folder))
    for (const model of await namesIn(paths.join(folder, host)))
      for (const commit of (await namesIn(paths.join(folder, host, model))).filter(isCommit)) {
        const path = paths.join(folder, host, model, commit);
        const stat = await fs.stat(paths.join(path, LISTINGS)).catch(() => null);
        copies.push({ path, usedMs: stat?.mtimeMs ?? 0, bytes: await bytesHeld(path) });
      }
  return copies;
}

async function bytesHeld(folder: string): Promise<number> {
  const names = await fs.readdir(folder, { recursive: true }).catch(() => []);
  const ending = '.hub-blocks';
  let sum = 0;
  for (const name of names.filter((each) => each.endsWith(ending))) {
    const file = paths.join(folder, name.slice(0, -ending.length));
    const blocks = heldBlocks(file).filter((block) => block === 1).length;
    sum += Math.min(MIRROR_BLOCK * blocks, (await fs.stat(file).catch(() => null))?.size ?? 0);
  }
  return sum;
}

function namesIn(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch(() => []);
}
