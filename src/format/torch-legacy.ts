import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { readPickleContent, type PickleContent } from './pickle';
import { quoted, refuse } from './problems';
import { partOfFile, readStart, withFile, type FilePart, type OpenFile } from './read';
import { torchCheckpoint, type TorchFile } from './torch-checkpoint';
import { openTorchZip } from './torch-zip';
import { elementBytes, type StorageSpan } from './torch-storage';

/** Protocol 2, LONG1 of ten bytes: torch's magic number 0x1950a86a20f9469cfc6c, and STOP. */
const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
/** So much of the start of the file is read for the pickles; storages come behind. */
const FIRST_READ = 2 ** 20;
const LARGEST_PICKLE = 2 ** 28;
/** Bytes of the count of elements before every storage. */
const COUNT_BYTES = 8;

/**
 * Reads what `torch.save` wrote before PyTorch 1.6: five pickles (magic number, protocol, system, content, keys of the
 * storages), then every storage with its count of elements before it. Never reads a storage. Fails with `pickle-malformed`,
 * `file-truncated`, `tensor-storage`, or as reading does.
 */
export function readTorchLegacy(path: string): Promise<Result<TorchFile>> {
  return withFile(path, (file) => readTorchLegacyIn(file, { offset: 0, bytes: file.bytes }));
}

/** {@link readTorchLegacy} for what lies within another file. */
export async function readTorchLegacyIn(whole: OpenFile, part: FilePart): Promise<Result<TorchFile>> {
  const file = partOfFile(whole, part);
  const { path } = file;
  const pickles = await readPickles(file);
  if (!pickles.ok) return pickles;
  const { content, keys, bytes } = pickles.value;
  const storages = await placeStorages(file, bytes.length, keys, content.storages);
  if (!storages.ok) return storages;
  return success({
    container: 'PyTorch (before 1.6)',
    file: { path, bytes: file.bytes, modifiedMs: file.modifiedMs },
    pickle: content,
    pickleStart: part.offset,
    storages: new Map(
      [...storages.value].map(([key, { offset, bytes: size }]) => [
        key,
        { offset: part.offset + offset, bytes: size },
      ]),
    ),
    directory: bytes,
  });
}

/** Whether what lies in a part of a file begins as files of torch before 1.6 do. */
export async function isTorchLegacy(file: OpenFile, { offset, bytes }: FilePart): Promise<boolean> {
  if (bytes < MAGIC.length) return false;
  const start = await file.read(offset, MAGIC.length);
  return start.ok && MAGIC.equals(start.value);
}

interface Pickles {
  readonly content: PickleContent;
  readonly keys: readonly string[];
  /** All of the file before the first storage. */
  readonly bytes: Uint8Array;
}

/** Reads the five pickles, in ever larger parts of the file until they are whole. */
async function readPickles(file: OpenFile): Promise<Result<Pickles>> {
  for (let length = FIRST_READ; ; length *= 8) {
    const most = Math.min(length, file.bytes, LARGEST_PICKLE);
    const bytes = await file.read(0, most);
    if (!bytes.ok) return bytes;
    const pickles = picklesOf(bytes.value, file.path);
    if (pickles.ok || most === file.bytes || most === LARGEST_PICKLE) return pickles;
  }
}

function picklesOf(bytes: Uint8Array, path: string): Result<Pickles> {
  let end = 0;
  const found: PickleContent[] = [];
  for (let i = 0; i < 5; i++) {
    const read = readPickleContent(bytes, path, end);
    if (!read.ok) return read;
    found.push(read.value);
    end = read.value.end;
  }
  const [, , , content, keys] = found;
  const names = Array.isArray(keys?.value) ? keys.value.filter((key) => typeof key === 'string') : null;
  if (content === undefined || names === null) {
    return refuse('pickle-malformed', path, `${path}: the list of its storages is missing.`);
  }
  return success({ content, keys: names, bytes: bytes.subarray(0, end) });
}

async function placeStorages(
  file: OpenFile,
  start: number,
  keys: readonly string[],
  types: ReadonlyMap<string, string>,
): Promise<Result<ReadonlyMap<string, StorageSpan>>> {
  const { path } = file;
  const storages = new Map<string, StorageSpan>();
  let at = start;
  for (const key of keys) {
    const type = types.get(key);
    // Storages without a type, which those of newer element types have, count bytes.
    const size = type === undefined ? null : type === 'UntypedStorage' ? 1 : elementBytes(type);
    if (size === null) {
      // Without its element size, nothing behind it can be found.
      const what = type === undefined ? 'is used by no tensor' : `is a ${quoted(type)}, which is not read`;
      return refuse('tensor-storage', path, `${path}: the storage ${quoted(key)} ${what}.`, key);
    }
    const bytes =
      at + COUNT_BYTES <= file.bytes ? await countAt(file, at) : success(Number.POSITIVE_INFINITY);
    if (!bytes.ok) return bytes;
    const offset = at + COUNT_BYTES;
    at = offset + bytes.value * size;
    if (!(at <= file.bytes)) {
      const message = `${path} ends at byte ${String(file.bytes)}, within or before the storage ${quoted(key)}: ${String(storages.size)} of ${String(keys.length)} storages are whole.`;
      return refuse('file-truncated', path, message, `byte ${String(file.bytes)}`);
    }
    storages.set(key, { offset, bytes: bytes.value * size });
  }
  return success(storages);
}

async function countAt(file: OpenFile, at: number): Promise<Result<number>> {
  const bytes = await file.read(at, COUNT_BYTES);
  if (!bytes.ok) return bytes;
  return success(Number(Buffer.from(bytes.value).readBigUInt64LE(0)));
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, MAGIC.length);
  return start.ok && MAGIC.equals(start.value);
}

async function open(path: string): Promise<Result<Checkpoint>> {
  const torch = await readTorchLegacy(path);
  return torch.ok ? torchCheckpoint(torch.value, openTorchZip) : torch;
}

/** A file of `torch.save` from before PyTorch 1.6. */
export const torchLegacy: Format = {
  description: {
    id: 'pytorch-legacy',
    title: 'PyTorch before 1.6',
    endings: [],
    supports: [
      'state dicts, checkpoints of trainers, pickled modules',
      'read as data: nothing in the file is run',
    ],
  },
  recognises,
  open,
};
