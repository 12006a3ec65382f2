import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { PickledTensor } from './pickled';
import { formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { TensorPlacer, type StorageSpan } from './torch-storage';
import { storageOf } from './torch-zip';
import { readWholeZip } from './whole-zip';
import type { ZipEntry } from './zip-directory';
import { readZipEntry } from './zip-entry';

/** `program/data/weights/model_weights_config.json`, and the same of constants (torch/export/pt2_archive/constants.py). */
const CONFIG = /^(?:[^/]+\/)?data\/(?:weights|constants)\/([^/]+)_(?:weights|constants)_config\.json$/;
const LARGEST_CONFIG = 2 ** 26;
const MOST_TENSORS = 500_000;

/** `ScalarType` and the layout `Strided` of torch/_export/serde/schema.py. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'uint8',
  2: 'int8',
  3: 'int16',
  4: 'int32',
  5: 'int64',
  6: 'float16',
  7: 'float32',
  8: 'float64',
  10: 'complex64',
  11: 'complex128',
  12: 'bool',
  13: 'bfloat16',
  28: 'uint16',
  29: 'float8_e4m3fn',
  30: 'float8_e5m2',
  31: 'float8_e4m3fnuz',
  32: 'float8_e5m2fnuz',
  33: 'float8_e8m0fnu',
  34: 'uint32',
  35: 'uint64',
};
const STRIDED = 7;

/** A tensor that a list names: its file, or why it has no values here. */
interface Listed {
  readonly name: string;
  readonly tensor: PickledTensor | string;
}

/**
 * The weights of a program that `torch.export.save` wrote (PyTorch 2.8 and newer): lists in JSON name files in the archive that
 * hold bytes as they are. Nothing of the program is read.
 */
async function openExported(file: OpenFile): Promise<Result<Checkpoint>> {
  const { path, bytes, modifiedMs } = file;
  const entries = await readWholeZip(file);
  if (!entries.ok) return entries;
  const lists = entries.value.filter(({ name }) => CONFIG.test(name));
  const models = new Set(lists.map(modelOf));
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  const tensors: TensorEntry[] = [];
  const findings: Finding[] = [];
  for (const list of lists) {
    const listed = await readList(file, list);
    if (!listed.ok) return listed;
    const placer = new TensorPlacer(path, storagesBeside(list, entries.value, path));
    for (const { name: own, tensor } of listed.value) {
      const name = models.size > 1 ? `${modelOf(list)}.${own}` : own;
      hash.update(`${name}\n`);
      if (typeof tensor === 'string') {
        const message = `${path}: the tensor ${quoted(name)} ${tensor}, and is left out.`;
        findings.push(formatFinding('tensor-dtype', path, message, name));
        continue;
      }
      const placed = placer.place(name, tensor);
      if (!placed.ok) return placed;
      if (placed.value !== null) tensors.push(placed.value);
    }
    findings.push(...placer.findings);
  }
  if (tensors.length === 0)
    findings.push(formatFinding('no-tensors', path, `${path} holds no tensor that can be read.`));
  return success({
    path,
    container: 'PyTorch (exported program)',
    files: [{ path, bytes, modifiedMs }],
    tensors,
    metadata: {},
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

function modelOf({ name }: ZipEntry): string {
  return CONFIG.exec(name)?.[1] ?? '';
}

/** Files in the folder of a list, by their names in it. */
function storagesBeside(
  list: ZipEntry,
  entries: readonly ZipEntry[],
  path: string,
): ReadonlyMap<string, StorageSpan> {
  const folder = list.name.slice(0, list.name.lastIndexOf('/') + 1);
  return new Map(
    entries
      .filter(({ name, encrypted, method }) => name.startsWith(folder) && !encrypted && method === 0)
      .map((entry) => [entry.name.slice(folder.length), storageOf(entry, path, 0)]),
  );
}

async function readList(file: OpenFile, list: ZipEntry): Promise<Result<readonly Listed[]>> {
  const { path } = file;
  const refused = (what: string): Result<never> =>
    refuse('exported-malformed', path, `${path}: ${quoted(list.name)} ${what}.`, list.name);
  if (list.bytes > LARGEST_CONFIG) return refused('is larger than the list of any model');
  const bytes = await readZipEntry(list, file);
  if (!bytes.ok) return bytes;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.value).toString('utf8'));
  } catch {
    return refused('is no JSON');
  }
  const config = fieldOf(parsed, 'config');
  if (typeof config !== 'object' || config === null) return refused('lists no tensors');
  const named = Object.entries(config);
  if (named.length > MOST_TENSORS) return refused('lists more tensors than any model has');
  return success(named.map(([name, described]) => ({ name, tensor: tensorOf(described) })));
}

/** A `PayloadMeta` of the schema. */
function tensorOf(described: unknown): PickledTensor | string {
  const meta = fieldOf(described, 'tensor_meta');
  const [file, pickled, dtype] = [
    fieldOf(described, 'path_name'),
    fieldOf(described, 'use_pickle'),
    fieldOf(meta, 'dtype'),
  ];
  if (pickled === true) return 'is a pickle in the archive';
  const [shape, stride] = [numbersOf(fieldOf(meta, 'sizes')), numbersOf(fieldOf(meta, 'strides'))];
  const offset = numberOf(fieldOf(meta, 'storage_offset'));
  const isPlain = fieldOf(meta, 'layout') === STRIDED;
  if (typeof file !== 'string' || typeof dtype !== 'number' || !isPlain) return 'is no plain tensor';
  if (shape === null || stride?.length !== shape.length || offset === null) return 'has no plain shape';
  return new PickledTensor(file, TYPES[dtype] ?? `type ${String(dtype)}`, offset, shape, stride);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** Sizes are `{"as_int": 3}`; others stand for what is known when the program runs. */
function numberOf(value: unknown): number | null {
  const number = fieldOf(value, 'as_int');
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function numbersOf(values: unknown): readonly number[] | null {
  if (!Array.isArray(values)) return null;
  const numbers = values.flatMap((value) => numberOf(value) ?? []);
  return numbers.length === values.length ? numbers : null;
}

/** A program as `torch.export.save` writes it, whose weights are a checkpoint. */
export const torchExported: Format = {
  description: {
    id: 'pytorch-exported',
    title: 'PyTorch exported program',
    endings: ['.pt2'],
    supports: ['weights and constants of torch.export.save; nothing of the program'],
  },
  recognises: async (path) => {
    const start = await readStart(path, 4);
    if (!start.ok || Buffer.from(start.value).toString('latin1') !== 'PK\x03\x04') return false;
    const listed = await withFile(path, readWholeZip);
    return listed.ok && listed.value.some(({ name }) => CONFIG.test(name));
  },
  open: (path) => withFile(path, openExported),
};
