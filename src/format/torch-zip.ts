import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { readPickleContent } from './pickle';
import { quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { torchCheckpoint, type TorchFile } from './torch-checkpoint';
import type { StorageSpan } from './torch-storage';
import { readZipDirectory, type ZipEntry } from './zip-directory';

const LARGEST_PICKLE = 2 ** 28;
const PICKLE = /(?:^|\/)data\.pkl$/;

/**
 * Reads what `torch.save` writes since PyTorch 1.6 (and TorchScript archives): a zip with a pickle and a stored file for
 * every storage. Reads directory and pickle, never a storage. Fails with `zip-malformed`, `zip-packed`, `pickle-malformed`,
 * `format-unsupported` for archives of others, or as reading does.
 */
export function readTorchZip(path: string): Promise<Result<TorchFile>> {
  return withFile(path, async (file) => {
    const entries = await readZipDirectory(file, (offset, length) => file.read(offset, length));
    if (!entries.ok) return entries;
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
    return readArchive(file, entries.value, pickle);
  });
}

async function readArchive(
  file: OpenFile,
  entries: readonly ZipEntry[],
  pickle: ZipEntry,
): Promise<Result<TorchFile>> {
  const { path, bytes, modifiedMs } = file;
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const packed = entries.find((entry) => isStorage(entry, folder) && isPacked(entry));
  const closed = isPacked(pickle) ? pickle : packed;
  if (closed !== undefined) {
    return refuse('zip-packed', path, `${path}: ${quoted(closed.name)} is packed or encrypted.`, closed.name);
  }
  const order = entries.find(({ name }) => name === `${folder}byteorder`);
  if (order !== undefined && order.bytes === 3) {
    return refuse(
      'format-unsupported',
      path,
      `${path} was saved on a big-endian machine, which is not read.`,
    );
  }
  const data = await file.read(pickle.start, pickle.bytes);
  if (!data.ok) return data;
  const content = readPickleContent(data.value, path);
  if (!content.ok) return content;
  const storages = new Map<string, StorageSpan>();
  for (const entry of entries) {
    if (!isStorage(entry, folder)) continue;
    storages.set(entry.name.slice(`${folder}data/`.length), { offset: entry.start, bytes: entry.bytes });
  }
  const directory = entries
    .map(({ name, start, crc }) => `${name} ${String(start)} ${String(crc)}\n`)
    .join('');
  return success({
    container: 'PyTorch',
    file: { path, bytes, modifiedMs },
    pickle: content.value,
    pickleStart: pickle.start,
    storages,
    directory: Buffer.from(directory),
  });
}

function isStorage({ name }: ZipEntry, folder: string): boolean {
  return name.startsWith(`${folder}data/`);
}

function isPacked({ method, encrypted }: ZipEntry): boolean {
  return method !== 0 || encrypted;
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 4);
  if (!start.ok || Buffer.from(start.value).toString('latin1') !== 'PK\x03\x04') return false;
  const listed = await withFile(path, (file) =>
    readZipDirectory(file, (at, length) => file.read(at, length)),
  );
  // A torn archive is ours by its name, so that it is said what is torn.
  return listed.ok
    ? listed.value.some(({ name }) => PICKLE.test(name))
    : ENDINGS.some((end) => path.endsWith(end));
}

async function open(path: string): Promise<Result<Checkpoint>> {
  const torch = await readTorchZip(path);
  return torch.ok ? torchCheckpoint(torch.value) : torch;
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
      'shared storages and views',
      'read as data: nothing in the file is run',
    ],
  },
  recognises,
  open,
};
