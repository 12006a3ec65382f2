import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { readPickleContent } from './pickle';
import { quoted, refuse } from './problems';
import { partOfFile, readStart, withFile, type FilePart, type OpenFile } from './read';
import { torchCheckpoint, type TorchFile } from './torch-checkpoint';
import type { StorageSpan } from './torch-storage';
import { tornTorchZip } from './torn-torch-zip';
import { readWholeZip } from './whole-zip';
import { NO_DIRECTORY, readZipDirectory, type ZipEntry } from './zip-directory';
import { readZipEntry } from './zip-entry';

const LARGEST_PICKLE = 2 ** 28;
const PICKLE = /(?:^|\/)data\.pkl$/;

/** More than so many bytes of one file are not unpacked at once. */
const MOST_UNPACKED = 2 ** 30;

/**
 * Reads what `torch.save` writes since PyTorch 1.6 (and TorchScript archives): a zip with a pickle and a stored file for
 * every storage. Reads directory and pickle, never a storage. Fails with `zip-malformed`, `zip-packed`, `file-truncated`,
 * `pickle-malformed`, `format-unsupported` for archives of others, or as reading does.
 */
export function readTorchZip(path: string): Promise<Result<TorchFile>> {
  return withFile(path, (file) => readTorchZipIn(file, { offset: 0, bytes: file.bytes }));
}

/** {@link readTorchZip} for an archive that lies within another file. */
export async function readTorchZipIn(file: OpenFile, part: FilePart): Promise<Result<TorchFile>> {
  const { path } = file;
  const archive = partOfFile(file, part);
  const isWhole = part.offset === 0 && part.bytes === file.bytes;
  const entries = isWhole
    ? await readWholeZip(file)
    : await readZipDirectory(archive, (offset, length) => archive.read(offset, length));
  if (!entries.ok) {
    const torn = entries.problem.at === NO_DIRECTORY ? await tornTorchZip(archive) : null;
    return torn === null ? entries : { ok: false, problem: torn };
  }
  const pickle = entries.value.find(({ name }) => PICKLE.test(name));
  if (pickle === undefined) {
    return refuse(
      'format-unsupported',
      path,
      `${path} is a ZIP archive without data.pkl, so torch did not write it.`,
    );
  }
  if (pickle.bytes > LARGEST_PICKLE) {
    return refuse('zip-too-large', path, `${path}: its data.pkl claims ${String(pickle.bytes)} bytes.`);
  }
  return readArchive(archive, part.offset, entries.value, pickle);
}

async function readArchive(
  file: OpenFile,
  start: number,
  entries: readonly ZipEntry[],
  pickle: ZipEntry,
): Promise<Result<TorchFile>> {
  const { path, bytes, modifiedMs } = file;
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const closed = entries.find((entry) => (isStorage(entry, folder) || entry === pickle) && !isOpen(entry));
  if (closed !== undefined) {
    const message = `${path}: ${quoted(closed.name)} is encrypted, or packed in a way that is not read.`;
    return refuse('zip-packed', path, message, closed.name);
  }
  const order = entries.find(({ name }) => name === `${folder}byteorder`);
  const data = await readZipEntry(pickle, file);
  if (!data.ok) return data;
  const content = readPickleContent(data.value, path);
  if (!content.ok) return content;
  const storages = new Map<string, StorageSpan>();
  for (const entry of entries) {
    if (isStorage(entry, folder)) {
      storages.set(entry.name.slice(`${folder}data/`.length), storageOf(entry, path, start));
    }
  }
  const directory = entries
    .map((entry) => `${entry.name} ${String(entry.start)} ${String(entry.crc)}\n`)
    .join('');
  return success({
    container: 'PyTorch',
    file: { path, bytes, modifiedMs },
    pickle: content.value,
    pickleStart: start + pickle.start,
    storages,
    bigEndian: order?.bytes === 'big'.length,
    directory: Buffer.from(directory),
  });
}

/** A storage as it lies, or how it is unpacked. `archiveStart`: where the archive begins in the file at `path`. */
export function storageOf(entry: ZipEntry, path: string, archiveStart: number): StorageSpan {
  const { method, bytes, packedBytes } = entry;
  const offset = archiveStart + entry.start;
  if (method === 0) return { offset, bytes };
  const source = {
    path,
    offset,
    bytes: packedBytes,
    dtype: 'U8',
    shape: [packedBytes],
    count: packedBytes,
  } as const;
  const place = { label: 'U8', offset, bytes: packedBytes };
  return { offset: 0, bytes, stored: { ...place, kind: 'inflated', form: 'raw', length: bytes, source } };
}

function isStorage({ name }: ZipEntry, folder: string): boolean {
  return name.startsWith(`${folder}data/`);
}

/** Stored as it is, or packed by deflate and small enough to be unpacked at once. */
function isOpen({ method, encrypted, bytes }: ZipEntry): boolean {
  return !encrypted && (method === 0 || (method === 8 && bytes <= MOST_UNPACKED));
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 4);
  if (!start.ok || Buffer.from(start.value).toString('latin1') !== 'PK\x03\x04') return false;
  const listed = await withFile(path, readWholeZip);
  // A torn archive is ours by its name, so that it is said what is torn.
  return listed.ok
    ? listed.value.some(({ name }) => PICKLE.test(name))
    : ENDINGS.some((end) => path.endsWith(end));
}

/** Opens a file of torch since 1.6, without asking whether it is one. */
export async function openTorchZip(path: string): Promise<Result<Checkpoint>> {
  const torch = await readTorchZip(path);
  return torch.ok ? torchCheckpoint(torch.value, openTorchZip) : torch;
}

const ENDINGS = ['.pt', '.pth', '.bin', '.ckpt'];

/** A file of `torch.save`, or a TorchScript archive. */
export const torchZip: Format = {
  description: {
    id: 'pytorch',
    title: 'PyTorch',
    endings: ENDINGS,
    supports: [
      'state dicts, checkpoints of trainers, pickled modules, TorchScript',
      'shared storages and views, sparse and quantised tensors, big-endian and packed archives',
      'read as data: nothing in the file is run',
    ],
  },
  recognises,
  open: openTorchZip,
};
