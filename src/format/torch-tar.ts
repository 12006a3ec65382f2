import { Buffer } from 'node:buffer';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { PickledObject, PickledTensor, readPickleContent, type Pickled, type PickleContent } from './pickle';
import { quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { isTarHeader, readTarDirectory, type TarEntry } from './tar-directory';
import { torchCheckpoint, type TorchFile } from './torch-checkpoint';
import { openTorchZip } from './torch-zip';
import { elementBytes, type StorageSpan } from './torch-storage';

const LARGEST_PICKLE = 2 ** 28;
/** Each storage has a pickle of its key before it; each tensor one of its key, storage and class. */
const RECORD = 4096;
const MOST_RECORDS = 1_000_000;
const MOST_AXES = 64;

/**
 * Reads what `torch.save` wrote before PyTorch 0.1.10: a tar archive with the content's pickle (`pickle`), the storages one after
 * the other, each behind its key (`storages`), and the tensors that the pickle refers to (`tensors`). Never reads a storage's
 * values. Fails with `tar-malformed`, `pickle-malformed`, `tensor-storage`, `file-truncated`, or as reading does.
 */
function readTorchTar(path: string): Promise<Result<TorchFile>> {
  return withFile(path, async (file) => {
    const entries = await readTarDirectory(file);
    if (!entries.ok) return entries;
    const find = (name: string) => entries.value.find((entry) => entry.name.replace(/^\.\//, '') === name);
    const [pickle, storagesIn, tensorsIn] = [find('pickle'), find('storages'), find('tensors')];
    if (pickle === undefined || storagesIn === undefined) {
      return refuse(
        'format-unsupported',
        path,
        `${path} is a tar archive that torch did not write.`,
        'byte 0',
      );
    }
    if (pickle.bytes > LARGEST_PICKLE)
      return refuse('tar-malformed', path, `${path}: its pickle claims ${String(pickle.bytes)} bytes.`);
    const storages = await readStorages(file, storagesIn);
    if (!storages.ok) return storages;
    const tensors = await readTensors(file, tensorsIn, storages.value.types);
    if (!tensors.ok) return tensors;
    const bytes = await file.read(pickle.start, pickle.bytes);
    if (!bytes.ok) return bytes;
    const content = readPickleContent(bytes.value, path, 0, (id) => tensors.value.get(keyOf(id)) ?? id);
    if (!content.ok) return content;
    const sizes = [...storages.value.spans].map(([key, span]) => `${key} ${String(span.bytes)}\n`).join('');
    return success({
      container: 'PyTorch (before 0.1.10)',
      file: { path, bytes: file.bytes, modifiedMs: file.modifiedMs },
      pickle: content.value,
      pickleStart: pickle.start,
      storages: storages.value.spans,
      directory: Buffer.concat([bytes.value, Buffer.from(sizes)]),
    });
  });
}

/** Keys are numbers, or the same in digits. */
function keyOf(id: Pickled): string {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}

/** Reads records of an entry one after the other: pickles, and bytes of known lengths between them. */
class Records {
  private at: number;

  constructor(
    private readonly file: OpenFile,
    private readonly entry: TarEntry,
  ) {
    this.at = entry.start;
  }

  get position(): number {
    return this.at;
  }

  private get end(): number {
    return this.entry.start + this.entry.bytes;
  }

  async pickle(): Promise<Result<PickleContent>> {
    const bytes = await this.file.read(this.at, Math.min(RECORD, this.end - this.at));
    if (!bytes.ok) return bytes;
    const content = readPickleContent(bytes.value, this.file.path);
    if (content.ok) this.at += content.value.end;
    return content;
  }

  async bytes(length: number): Promise<Result<Buffer>> {
    if (!this.skip(length)) return this.broken();
    const bytes = await this.file.read(this.at - length, length);
    return bytes.ok ? success(Buffer.from(bytes.value)) : bytes;
  }

  /** `false` where fewer bytes are left. */
  skip(length: number): boolean {
    if (!(length >= 0) || this.at + length > this.end) return false;
    this.at += length;
    return true;
  }

  broken(): Result<never> {
    const at = `byte ${String(this.at)}`;
    const message = `${this.file.path}: its ${quoted(this.entry.name)} break off (${at}).`;
    return refuse('tar-malformed', this.file.path, message, at);
  }

  /** How many records follow: a pickle of a number. */
  async count(): Promise<Result<number>> {
    const count = await this.pickle();
    if (!count.ok) return count;
    const { value } = count.value;
    return typeof value === 'number' && value >= 0 && value <= MOST_RECORDS ? success(value) : this.broken();
  }
}

interface Storages {
  readonly spans: Map<string, StorageSpan>;
  readonly types: Map<string, string>;
}

async function readStorages(file: OpenFile, entry: TarEntry): Promise<Result<Storages>> {
  const records = new Records(file, entry);
  const count = await records.count();
  if (!count.ok) return count;
  const spans = new Map<string, StorageSpan>();
  const types = new Map<string, string>();
  for (let i = 0; i < count.value; i++) {
    const head = await records.pickle();
    if (!head.ok) return head;
    const [key = null, , type] = Array.isArray(head.value.value) ? head.value.value : [];
    const elements = await records.bytes(8);
    if (!elements.ok) return elements;
    const name = type instanceof PickledObject ? type.name.replace(/^.*\./, '') : '';
    const size = elementBytes(name);
    if (size === null)
      return refuse(
        'tensor-storage',
        file.path,
        `${file.path}: the storage ${quoted(keyOf(key))} is a ${quoted(name)}, which is not read.`,
        keyOf(key),
      );
    const bytes = Number(elements.value.readBigUInt64LE(0)) * size;
    const offset = records.position;
    if (!records.skip(bytes)) return records.broken();
    spans.set(keyOf(key), { offset, bytes });
    types.set(keyOf(key), name);
  }
  return addViews(records, spans, types);
}

/** Storages that are parts of others: (key, key of the whole, offset, count), behind all of them. */
async function addViews(
  records: Records,
  spans: Storages['spans'],
  types: Storages['types'],
): Promise<Result<Storages>> {
  const views = await records.pickle();
  // Files of later writers end with the storages.
  for (const view of views.ok && Array.isArray(views.value.value) ? views.value.value : []) {
    const [key = null, root = null, first, count] = Array.isArray(view) ? view : [];
    const whole = spans.get(keyOf(root));
    const type = types.get(keyOf(root)) ?? '';
    const size = elementBytes(type);
    if (whole === undefined || size === null || typeof first !== 'number' || typeof count !== 'number')
      continue;
    if (!(first >= 0 && count >= 0 && (first + count) * size <= whole.bytes)) continue;
    spans.set(keyOf(key), { offset: whole.offset + first * size, bytes: count * size });
    types.set(keyOf(key), type);
  }
  return success({ spans, types });
}

/** Tensors by their keys: each a pickle (key, storage, class), then axes, sizes, strides and offset in binary. */
async function readTensors(
  file: OpenFile,
  entry: TarEntry | undefined,
  types: ReadonlyMap<string, string>,
): Promise<Result<ReadonlyMap<string, PickledTensor>>> {
  const tensors = new Map<string, PickledTensor>();
  if (entry === undefined) return success(tensors);
  const records = new Records(file, entry);
  const count = await records.count();
  if (!count.ok) return count;
  for (let i = 0; i < count.value; i++) {
    const head = await records.pickle();
    if (!head.ok) return head;
    const [key = null, storage = null] = Array.isArray(head.value.value) ? head.value.value : [];
    const axes = await records.bytes(8);
    if (!axes.ok) return axes;
    const rank = axes.value.readUInt32LE(0);
    if (rank > MOST_AXES) return records.broken();
    const numbers = await records.bytes(8 * (2 * rank + 1));
    if (!numbers.ok) return numbers;
    const read = (from: number) => Number(numbers.value.readBigUInt64LE(8 * from));
    const shape = Array.from({ length: rank }, (_, axis) => read(axis));
    const stride = Array.from({ length: rank }, (_, axis) => read(rank + axis));
    const type = types.get(keyOf(storage)) ?? '';
    tensors.set(keyOf(key), new PickledTensor(keyOf(storage), type, read(2 * rank), shape, stride));
  }
  return success(tensors);
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 512);
  if (!start.ok || !isTarHeader(start.value)) return false;
  const entries = await withFile(path, readTarDirectory);
  return entries.ok
    ? entries.value.some(({ name }) => /^(?:\.\/)?storages$/.test(name))
    : /\.(?:pt|pth|t7)$/.test(path);
}

async function open(path: string): Promise<Result<Checkpoint>> {
  const torch = await readTorchTar(path);
  return torch.ok ? torchCheckpoint(torch.value, openTorchZip) : torch;
}

/** A file of `torch.save` from before PyTorch 0.1.10. */
export const torchTar: Format = {
  description: {
    id: 'pytorch-tar',
    title: 'PyTorch before 0.1.10',
    endings: [],
    supports: ['state dicts in tar archives', 'read as data: nothing in the file is run'],
  },
  recognises,
  open,
};
