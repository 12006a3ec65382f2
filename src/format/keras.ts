import { checkpointOf, placeFrom, startsAs, type Source } from './hdf5';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { quoted, refuse } from './problems';
import { withFile, type OpenFile } from './read';
import { readWholeZip } from './whole-zip';
import type { ZipEntry } from './zip-directory';
import { readZipEntry } from './zip-entry';

/** Characters that are shown of a value. */
const LONGEST_VALUE = 200;
const WEIGHTS = 'model.weights.h5';
/** Weights that are packed in the archive are unpacked to find their datasets; larger ones are refused. */
const MOST_UNPACKED = 2 ** 28;
const LARGEST_CONFIG = 2 ** 24;

async function openArchive(file: OpenFile): Promise<Result<Checkpoint>> {
  const { path } = file;
  const entries = await readWholeZip(file);
  if (!entries.ok) return entries;
  const weights = entries.value.find(({ name }) => name === WEIGHTS);
  if (weights === undefined) return refuse('format-unsupported', path, `${path} has no ${WEIGHTS} in it.`);
  const metadata = await configOf(file, entries.value);
  const source = await sourceIn(file, weights);
  return source.ok ? checkpointOf(source.value, 'Keras', metadata) : source;
}

async function sourceIn(file: OpenFile, entry: ZipEntry): Promise<Result<Source>> {
  const { path } = file;
  const { start, bytes, packedBytes, method, encrypted } = entry;
  if (method === 0 && !encrypted) {
    return success({
      file,
      bytes,
      read: (at, length) => file.read(start + at, length),
      place: placeFrom(path, start),
    });
  }
  if (bytes > MOST_UNPACKED) {
    const message = `${path}: ${quoted(entry.name)} is packed, ${String(bytes)} bytes when unpacked.`;
    return refuse('zip-packed', path, message, entry.name);
  }
  const unpacked = await readZipEntry(entry, file);
  if (!unpacked.ok) return unpacked;
  const packed = placeFrom(path, start)(0, packedBytes);
  const stored = {
    kind: 'inflated',
    form: 'raw',
    label: 'U8',
    offset: start,
    bytes: packedBytes,
    length: bytes,
    source: packed,
  } as const;
  return success({
    file,
    bytes,
    read: (at, length) => Promise.resolve(success(unpacked.value.slice(at, at + length))),
    place: (address, length) => ({ ...placeFrom(path, 0)(address, length), stored }),
  });
}

async function configOf(file: OpenFile, entries: readonly ZipEntry[]): Promise<Record<string, string>> {
  const entry = entries.find(({ name }) => name === 'metadata.json');
  if (entry === undefined || entry.bytes > LARGEST_CONFIG) return {};
  const bytes = await readZipEntry(entry, file);
  if (!bytes.ok) return {};
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes.value).toString('utf8'));
    const plain = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
    return Object.fromEntries(
      plain.flatMap(([key, value]) =>
        typeof value === 'string' ? [[key, value.slice(0, LONGEST_VALUE)]] : [],
      ),
    );
  } catch {
    return {}; // Only a description: the weights are what matters.
  }
}

/** A model as Keras 3 saves it: a zip archive with its weights as HDF5. */
export const kerasArchive: Format = {
  description: {
    id: 'keras',
    title: 'Keras',
    endings: ['.keras'],
    supports: ['model.weights.h5 in the archive, read in place'],
  },
  recognises: async (path) => {
    if (!(await startsAs(path, Buffer.from('PK\x03\x04', 'latin1')))) return false;
    const listed = await withFile(path, readWholeZip);
    return listed.ok && listed.value.some(({ name }) => name === WEIGHTS);
  },
  open: (path) => withFile(path, openArchive),
};
