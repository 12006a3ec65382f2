import { readPickle, type Pickled, type PickledTensor } from '../../format/pickle';
import { success, type Result } from '../../protocol/result';
import { decode } from '../../tensor/decode';
import type { DtypeName } from '../../tensor/dtype';
import { fileRange, type FileState } from '../data/byte-range';
import { elementCount } from '../data/rows';
import { openZip, type ZipEntry } from '../data/zip-directory';
import { refuse } from '../problems';

/** A file of `torch.save`, since PyTorch 1.6 a zip with a pickle and a file for every storage. */
export interface TorchArchive {
  readonly content: Pickled;
  /** Values of a tensor in C order. Fails with `importance-format`, or as reading does. */
  load(tensor: PickledTensor): Promise<Result<Float64Array>>;
}

const LARGEST_PICKLE = 2 ** 26;
const TYPES: Readonly<Record<string, DtypeName>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
};
const BYTES: Readonly<Record<string, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4 };

/** Opens an archive: reads the pickle, and no tensor. Fails with `importance-format`, or as reading does. */
export async function openTorchArchive(path: string): Promise<Result<TorchArchive>> {
  const listed = await openZip(path);
  if (!listed.ok) return listed;
  const { file, entries } = listed.value;
  const pickle = entries.find(({ name }) => /(^|\/)data\.pkl$/.test(name));
  if (pickle === undefined)
    return refuse('importance-format', path, `${path} holds no data.pkl, so torch did not write it.`);
  if (pickle.bytes > LARGEST_PICKLE)
    return refuse('importance-format', path, `${path} holds a data.pkl of more than 64 MiB.`);
  const bytes = await readEntry(file, pickle, 0, pickle.bytes);
  if (!bytes.ok) return bytes;
  const content = readPickle(bytes.value, path);
  if (!content.ok) return content;
  const storages = new Map(entries.map((entry) => [entry.name, entry]));
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  return success({
    content: content.value,
    load: (tensor) => loadTensor(file, storages.get(`${folder}data/${tensor.storage}`), tensor),
  });
}

async function loadTensor(
  file: FileState,
  entry: ZipEntry | undefined,
  { type, offset, shape, stride, storage }: PickledTensor,
): Promise<Result<Float64Array>> {
  const { path } = file;
  const dtype = TYPES[type];
  const size = dtype === undefined ? undefined : BYTES[dtype];
  const count = elementCount(shape);
  if (entry === undefined) return refuse('importance-format', path, `${path} lacks the storage ${storage}.`);
  if (dtype === undefined || size === undefined || count === null) {
    return refuse('importance-format', path, `${path} has a tensor in a ${type}, which is not read.`);
  }
  if (!isContiguous(shape, stride)) {
    return refuse('importance-format', path, `${path} has a tensor that is not contiguous.`);
  }
  const bytes = await readEntry(file, entry, offset * size, count * size);
  return bytes.ok ? success(decode(dtype, bytes.value, count)) : bytes;
}

/** Torch stores, and packs nothing. */
async function readEntry(
  file: FileState,
  entry: ZipEntry,
  start: number,
  length: number,
): Promise<Result<Uint8Array>> {
  if (entry.method !== 0 || entry.encrypted || start + length > entry.bytes) {
    return refuse(
      'importance-format',
      file.path,
      `${file.path}: ${entry.name} is packed, or shorter than the tensor in it.`,
    );
  }
  // A copy of its own is aligned for every typed array.
  const bytes = await fileRange(file, entry.start, entry.bytes).withBytes((read) => read(start, length));
  return bytes.ok ? success(bytes.value.slice()) : bytes;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return false;
    step *= shape[axis] ?? 1;
  }
  return true;
}
