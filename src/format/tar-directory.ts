import { Buffer } from 'node:buffer';
import { success, type Result } from '../protocol/result';
import { quoted, refuse } from './problems';
import type { OpenFile } from './read';

/** One file in a tar archive. */
export interface TarEntry {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
}

const BLOCK = 512;
const MOST_ENTRIES = 10_000;

/** Whether the first 512 bytes of a file are a header of tar (POSIX ustar, and what GNU tar and Python write). */
export function isTarHeader(block: Uint8Array): boolean {
  return Buffer.from(block.subarray(257, 262)).toString('latin1') === 'ustar';
}

/**
 * The ordinary files in a tar archive (POSIX.1-1988 ustar), in their order. Fails with `file-truncated` where the archive ends
 * within one, with `tar-malformed` for headers that are none.
 */
export async function readTarDirectory(file: OpenFile): Promise<Result<readonly TarEntry[]>> {
  const entries: TarEntry[] = [];
  for (let at = 0, headers = 0; at < file.bytes; headers++) {
    if (at + BLOCK > file.bytes) {
      const message = `${file.path} is at least ${String(at + BLOCK - file.bytes)} bytes short: it ends within a header.`;
      return refuse('file-truncated', file.path, message, `byte ${String(file.bytes)}`);
    }
    const block = await file.read(at, BLOCK);
    if (!block.ok) return block;
    if (block.value.every((byte) => byte === 0)) break;
    const text = Buffer.from(block.value);
    const size = sizeIn(text);
    if (!isTarHeader(block.value) || size === null || headers > MOST_ENTRIES) {
      const where = `byte ${String(at)}`;
      return refuse(
        'tar-malformed',
        file.path,
        `${file.path} has no header of tar where one should be (${where}).`,
        where,
      );
    }
    const name = fieldOf(text, 0, 100);
    const start = at + BLOCK;
    if (start + size > file.bytes) {
      const message = `${file.path} is ${String(start + size - file.bytes)} bytes short: it ends within ${quoted(name)}.`;
      return refuse('file-truncated', file.path, message, `byte ${String(file.bytes)}`);
    }
    const kind = text[156];
    if (kind === 0x30 || kind === 0) entries.push({ name, start, bytes: size });
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return success(entries);
}

function fieldOf(block: Buffer, at: number, length: number): string {
  return block.toString('latin1', at, at + length).replace(/\0.*$/s, '');
}

/** Octal digits; GNU tar has large sizes in binary, with the highest bit set. */
function sizeIn(block: Buffer): number | null {
  if (((block[124] ?? 0) & 0x80) !== 0) {
    const size = Number(block.readBigUInt64BE(128));
    return Number.isSafeInteger(size) ? size : null;
  }
  const digits = fieldOf(block, 124, 12).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : null;
}
