import { success, type Result } from '../protocol/result';
import { quoted, refuse } from './problems';
import { withFile, type FileState, type ReadBytes } from './read';
import { localStarts } from './zip-local-headers';

/** One file in a zip archive. */
export interface ZipEntry {
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly start: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** CRC-32 of the unpacked bytes. */
  readonly crc: number;
  /** 0 stored, 8 deflate; others are listed, not read. */
  readonly method: number;
  readonly encrypted: boolean;
}

/** Place of the problem of an archive that does not end with its directory: mostly a download that broke off. */
export const NO_DIRECTORY = 'end';

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LONGEST_COMMENT = 65_535;
/** A file of torch has one for every storage: an optimizer of a large mixture some tens of thousands. */
const MOST_ENTRIES = 100_000;
const LARGEST_DIRECTORY = 2 ** 25;
/** No deflate stream unpacks to more than 1032 times its size (zlib's technical details). */
const MOST_RATIO = 1032;

/**
 * The files in a zip archive, by the central directory (PKWARE's APPNOTE 6.3, ZIP64 included), each checked: names
 * differ, bytes lie inside the archive and overlap nothing, and no entry claims more than deflate can unpack. Reads
 * the directory and the local headers only. Fails with `zip-malformed` or `zip-too-large`.
 */
export async function readZipDirectory(
  file: FileState,
  read: ReadBytes,
): Promise<Result<readonly ZipEntry[]>> {
  const { path } = file;
  const end = await findEnd(file, read);
  if (!end.ok) return end;
  const { entries: count, start, bytes } = end.value;
  if (count > MOST_ENTRIES || bytes > LARGEST_DIRECTORY) {
    const claim = `${String(count)} files in a directory of ${String(bytes)} bytes`;
    return refuse('zip-too-large', path, `${path} claims ${claim}.`);
  }
  if (start + bytes > file.bytes) return broken(path, 'its directory lies outside of it');
  const directory = await read(start, bytes);
  if (!directory.ok) return directory;
  const listed = readCentral(Buffer.from(directory.value), count, path);
  if (!listed.ok) return listed;
  const starts = await localStarts(listed.value, file, read);
  if (!starts.ok) return starts;
  const entries = listed.value.map(({ local, ...entry }, i) => ({
    ...entry,
    start: starts.value[i] ?? local,
  }));
  const checked = checkEntries(entries, start, path);
  return checked.ok ? success(entries) : checked;
}

interface End {
  readonly entries: number;
  readonly start: number;
  readonly bytes: number;
}

async function findEnd(file: FileState, read: ReadBytes): Promise<Result<End>> {
  const length = Math.min(file.bytes, END_BYTES + LONGEST_COMMENT);
  const tailStart = file.bytes - length;
  const tail = await read(tailStart, length);
  if (!tail.ok) return tail;
  const bytes = Buffer.from(tail.value);
  for (let at = length - END_BYTES; at >= 0; at--) {
    // The comment after the record has to end where the file does, or the four bytes are part of something else.
    if (bytes.readUInt32LE(at) !== END || at + END_BYTES + bytes.readUInt16LE(at + 20) !== length) continue;
    const end = {
      entries: bytes.readUInt16LE(at + 10),
      bytes: bytes.readUInt32LE(at + 12),
      start: bytes.readUInt32LE(at + 16),
    };
    const wide = end.entries === 0xffff || end.bytes === 0xffffffff || end.start === 0xffffffff;
    return wide ? findEnd64(file, tailStart + at, read) : success(end);
  }
  const message = `${file.path}: it has no zip directory at its end.`;
  return refuse('zip-malformed', file.path, message, NO_DIRECTORY);
}

async function findEnd64(file: FileState, endAt: number, read: ReadBytes): Promise<Result<End>> {
  const missing = broken(file.path, 'its ZIP64 directory is not where it should be');
  if (endAt < 20) return missing;
  const locator = await read(endAt - 20, 20);
  if (!locator.ok) return locator;
  const link = Buffer.from(locator.value);
  const at = wide(link, 8);
  if (link.readUInt32LE(0) !== END64_LOCATOR || at + 56 > endAt) return missing;
  const record = await read(at, 56);
  if (!record.ok) return record;
  const bytes = Buffer.from(record.value);
  if (bytes.readUInt32LE(0) !== END64) return missing;
  return success({ entries: wide(bytes, 32), bytes: wide(bytes, 40), start: wide(bytes, 48) });
}

/** 64 bits unsigned; beyond 2^53 rounded, which lies outside every file. */
function wide(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

type Listed = Omit<ZipEntry, 'start'> & { readonly local: number };

function readCentral(bytes: Buffer, count: number, path: string): Result<readonly Listed[]> {
  const entries: Listed[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) {
      return broken(path, `its directory breaks off at the entry ${String(i + 1)} of ${String(count)}`);
    }
    const nameEnd = at + CENTRAL_BYTES + bytes.readUInt16LE(at + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
    const next = extraEnd + bytes.readUInt16LE(at + 32);
    if (next > bytes.length) return broken(path, `its directory breaks off at the entry ${String(i + 1)}`);
    const [size, packedBytes, local] = wideSizes(bytes.subarray(nameEnd, extraEnd), [
      bytes.readUInt32LE(at + 24),
      bytes.readUInt32LE(at + 20),
      bytes.readUInt32LE(at + 42),
    ]);
    entries.push({
      name: bytes.toString('utf8', at + CENTRAL_BYTES, nameEnd),
      method: bytes.readUInt16LE(at + 10),
      encrypted: (bytes.readUInt16LE(at + 8) & 1) !== 0,
      crc: bytes.readUInt32LE(at + 16),
      bytes: size,
      packedBytes,
      local,
    });
    at = next;
  }
  return success(entries);
}

type Sizes = readonly [number, number, number];

/** Sizes of which those of all ones stand in the ZIP64 extra field (id 1) instead, in this order. */
function wideSizes(extra: Buffer, sizes: Sizes): Sizes {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) !== 1) {
      at = end;
      continue;
    }
    let next = at + 4;
    const take = (size: number): number => {
      if (size !== 0xffffffff || next + 8 > Math.min(end, extra.length)) return size;
      next += 8;
      return wide(extra, next - 8);
    };
    return [take(sizes[0]), take(sizes[1]), take(sizes[2])];
  }
  return sizes;
}

function checkEntries(entries: readonly ZipEntry[], directoryStart: number, path: string): Result<null> {
  const names = new Set<string>();
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.start - b.start)) {
    const { name, start, packedBytes, bytes, method } = entry;
    if (names.has(name)) return broken(path, `it holds ${quoted(name)} twice`);
    names.add(name);
    if (start < end) return broken(path, `the bytes of ${quoted(name)} overlap those of another file in it`);
    end = start + packedBytes;
    if (end > directoryStart) return broken(path, `${quoted(name)} ends outside of it`);
    const most = method === 0 ? packedBytes : packedBytes * MOST_RATIO;
    if (bytes > most || (method === 0 && bytes !== packedBytes)) {
      const claim = `${quoted(name)} claims ${String(bytes)} bytes out of ${String(packedBytes)}`;
      return broken(path, `${claim}, which is not possible`);
    }
  }
  return success(null);
}

function broken(path: string, what: string): Result<never> {
  return refuse('zip-malformed', path, `${path}: ${what}.`);
}

/** A zip archive on disk and what is in it. */
export interface ZipFile {
  readonly file: FileState;
  readonly entries: readonly ZipEntry[];
}

/** Lists an archive by its path. Fails as opening the file and {@link readZipDirectory} do. */
export function openZip(path: string): Promise<Result<ZipFile>> {
  return withFile(path, async (file) => {
    const entries = await readZipDirectory(file, (offset, length) => file.read(offset, length));
    const { bytes, modifiedMs } = file;
    return entries.ok ? success({ file: { path, bytes, modifiedMs }, entries: entries.value }) : entries;
  });
}
