import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { heldBlocks, MIRROR_BLOCK } from '../../tensor/mirrored';
import type { HubSettings } from './settings';

/**
 * Removes the copies that were not opened for longest until all take no more than the settings allow; the one in `keep` stays, and
 * is marked as used.
 */
export async function makeRoom({ folder, mostBytes }: HubSettings, keep: string): Promise<void> {
  await fs.mkdir(keep, { recursive: true });
  const now = new Date();
  await fs.utimes(keep, now, now);
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
      for (const commit of await namesIn(paths.join(folder, host, model))) {
        const path = paths.join(folder, host, model, commit);
        const stat = await fs.stat(path).catch(() => null);
        if (stat) copies.push({ path, usedMs: stat.mtimeMs, bytes: await bytesHeld(path) });
      }
  return copies;
}

async function bytesHeld(folder: string): Promise<number> {
  const names = await fs.readdir(folder, { recursive: true }).catch(() => []);
  const ending = '.hub-blocks';
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => heldBlocks(paths.join(folder, name.slice(0, -ending.length))))
    .reduce((sum, held) => sum + MIRROR_BLOCK * held.filter((block) => block === 1).length, 0);
}

function namesIn(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch(() => []);
}
