import fs from 'node:fs';
import path from 'node:path';

/** Copies of remote files, of which only some blocks are there, lie below a folder of this name and nowhere else. */
export const MIRROR_FOLDER = '.deltalens-hub';

/** What is fetched and noted at a time. */
export const MIRROR_BLOCK = 2 ** 18;

/** Whether a file is a copy of a remote one that may have holes. */
export function isMirrored(file: string): boolean {
  return file.includes(`${path.sep}${MIRROR_FOLDER}${path.sep}`);
}

/** The file that notes which blocks of a copy are there: a byte each, 1 where it is. */
export function blocksFileOf(file: string): string {
  return `${file}.hub-blocks`;
}

/** Which blocks of a copy are there; empty where nothing says so. */
export function heldBlocks(file: string): Uint8Array {
  try {
    return fs.readFileSync(blocksFileOf(file));
  } catch {
    return new Uint8Array(0);
  }
}

/** Whether all bytes `start … end − 1` are there. A file without notes was fetched whole. */
export function isHeld(held: Uint8Array, start: number, end: number): boolean {
  const last = Math.ceil(end / MIRROR_BLOCK);
  for (let block = Math.floor(start / MIRROR_BLOCK); block < last; block++) {
    if (held[block] !== 1) return false;
  }
  return true;
}

/** Whether a copy has notes of its blocks; what has none was fetched whole. */
export function hasBlocks(file: string): boolean {
  return fs.existsSync(blocksFileOf(file));
}
