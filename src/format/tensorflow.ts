import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { problemFromError, success, type Result } from '../protocol/result';
import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import type { TensorSpan } from '../tensor/span';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { countOf, formatFinding, quoted, refuse } from './problems';
import { withFile, type FileState } from './read';
import { locateShard } from './safetensors-sharded';
import { readTable, TABLE_MAGIC, TableError, type TableEntry } from './sorted-table';
import { spanOver, swappedSpan } from './stored-spans';
import {
  BUNDLE_DTYPES,
  isSliceKey,
  readBundleEntry,
  readBundleHeader,
  sliceKey,
  type BundleEntry,
} from './tensorflow-bundle';

/** What the name of every index ends with. */
export const TENSORFLOW_INDEX = '.index';
const DATA = /\.data-\d{5}-of-\d{5}$/;
const LARGEST_INDEX = 2 ** 30;
const MOST_SHARDS = 10_000;
/** How object-based checkpoints end the names of variables. */
const VARIABLE = '/.ATTRIBUTES/VARIABLE_VALUE';

interface Bundle {
  readonly index: FileState;
  readonly hash: string;
  readonly bigEndian: boolean;
  readonly shards: readonly FileState[];
  readonly entries: ReadonlyMap<string, BundleEntry>;
}

async function open(path: string): Promise<Result<Checkpoint>> {
  const index = path.replace(DATA, TENSORFLOW_INDEX);
  const bundle = await readBundle(index);
  if (!bundle.ok) return bundle;
  const { entries, shards, hash } = bundle.value;
  const tensors: TensorEntry[] = [];
  const findings: Finding[] = [];
  let others = 0;
  for (const [key, entry] of entries) {
    if (isSliceKey(key)) continue;
    const dtype = BUNDLE_DTYPES[entry.dtype];
    if (dtype === undefined) {
      others++;
      continue;
    }
    const span = spanOf(key, entry, dtype, bundle.value);
    if (!span.ok) return span;
    const name = Buffer.from(key, 'latin1').toString('utf8').replace(VARIABLE, '').replaceAll('/', '.');
    tensors.push({ name, span: span.value });
  }
  if (others > 0) {
    const message = `${index}: ${countOf(others, 'value')} of text and other types without numbers are not listed.`;
    findings.push(formatFinding('tensors-left-out', index, message));
  }
  if (tensors.length === 0)
    findings.push(formatFinding('no-tensors', index, `${index} holds no tensor that can be read.`));
  return success({
    path,
    container: 'TensorFlow',
    files: [bundle.value.index, ...shards],
    tensors,
    metadata: {},
    fingerprint: fingerprintOf(hash, shards),
    findings,
  });
}

function fingerprintOf(hash: string, shards: readonly FileState[]): string {
  const states = shards.map(({ bytes, modifiedMs }) => `${String(bytes)} ${String(modifiedMs)}`);
  return createHash('sha256')
    .update([hash, ...states].join('\n'))
    .digest('hex')
    .slice(0, 32);
}

async function readBundle(path: string): Promise<Result<Bundle>> {
  const read = await withFile(
    path,
    async (file): Promise<Result<Omit<Bundle, 'shards'> & { readonly count: number }>> => {
      if (file.bytes > LARGEST_INDEX)
        return refuse(
          'index-too-large',
          path,
          `${path} has ${countOf(file.bytes, 'byte')}; ${String(LARGEST_INDEX)} are allowed.`,
        );
      try {
        const table = await readTable(file);
        const header = readBundleHeader(table.find(({ key }) => key === '')?.value ?? new Uint8Array(0));
        const entries = new Map(
          table.filter(({ key }) => key !== '').map(({ key, value }) => [key, readBundleEntry(value)]),
        );
        const state = { path, bytes: file.bytes, modifiedMs: file.modifiedMs };
        return success({
          index: state,
          hash: hashOf(table, state),
          bigEndian: header.bigEndian,
          count: header.shards,
          entries,
        });
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
        const at = `byte ${String(error.at)}`;
        return refuse('table-malformed', path, `${path} ${error.message} (${at}).`, at);
      }
    },
  );
  if (!read.ok) return read;
  const { count, ...bundle } = read.value;
  if (count > MOST_SHARDS)
    return refuse('index-too-many-shards', path, `${path} names ${countOf(count, 'data file')}.`);
  const shards = await findShards(path, count);
  return shards.ok ? success({ ...bundle, shards: shards.value }) : shards;
}

function hashOf(table: readonly TableEntry[], { bytes, modifiedMs }: FileState): string {
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}`);
  for (const { key, value } of table) hash.update(key, 'latin1').update(value);
  return hash.digest('hex');
}

/** The data files, in their order; each inside of the folder of its index. */
async function findShards(index: string, count: number): Promise<Result<readonly FileState[]>> {
  const stem = paths.basename(index).slice(0, -TENSORFLOW_INDEX.length);
  const digits = (number: number) => String(number).padStart(5, '0');
  const shards: FileState[] = [];
  for (let shard = 0; shard < count; shard++) {
    const name = `${stem}.data-${digits(shard)}-of-${digits(count)}`;
    const located = await locateShard(index, name);
    if (located.state === 'outside')
      return refuse(
        'shard-outside-folder',
        index,
        `${index}: the data file ${quoted(name)} ${located.reason}.`,
        name,
      );
    if (located.state !== 'found')
      return refuse('shard-missing', index, `${index}: its data file ${quoted(name)} is not there.`, name);
    try {
      const { size, mtimeMs } = await fs.stat(located.path);
      shards.push({ path: located.path, bytes: size, modifiedMs: mtimeMs });
    } catch (error) {
      return { ok: false, problem: problemFromError(error, located.path) };
    }
  }
  return success(shards);
}

function spanOf(key: string, entry: BundleEntry, dtype: DtypeName, bundle: Bundle): Result<TensorSpan> {
  const { shape, slices } = entry;
  if (slices.length === 0) return plainSpan(key, entry, dtype, shape, bundle);
  const tiles: { from: readonly number[]; shape: readonly number[]; span: TensorSpan }[] = [];
  let held = 0;
  for (const slice of slices) {
    const part = bundle.entries.get(sliceKey(key, slice));
    const from = shape.map((_, axis) => slice[axis]?.start ?? 0);
    const size = shape.map((length, axis) => {
      const own = slice[axis]?.length ?? -1;
      return own < 0 ? length : own;
    });
    const fits = size.every((length, axis) => (from[axis] ?? 0) + length <= (shape[axis] ?? 0));
    if (part === undefined || !fits) return wrong(key, 'has a slice that is not there', bundle);
    const span = plainSpan(key, part, dtype, size, bundle);
    if (!span.ok) return span;
    held += span.value.count;
    tiles.push({ from, shape: size, span: span.value });
  }
  const count = shape.reduce((product, length) => product * length, 1);
  const [first] = tiles;
  if (held !== count || first === undefined)
    return wrong(key, 'has slices that do not make up its shape', bundle);
  const size = bitsOf(dtype) / 8;
  const place = { label: dtype, offset: first.span.offset, bytes: count * size };
  return success(spanOver({ ...place, kind: 'tiled', size, shape, tiles }, first.span.path, dtype, shape));
}

function plainSpan(
  key: string,
  { shard, offset, bytes }: BundleEntry,
  dtype: DtypeName,
  shape: readonly number[],
  bundle: Bundle,
): Result<TensorSpan> {
  const count = shape.reduce((product, length) => product * length, 1);
  const file = bundle.shards[shard];
  if (file === undefined || (count * bitsOf(dtype)) / 8 !== bytes)
    return wrong(key, 'has another size than its shape needs', bundle);
  if (!(offset + bytes <= file.bytes)) {
    const message = `${file.path} is at least ${String(offset + bytes - file.bytes)} bytes short: the tensor ${quoted(key)} ends at byte ${String(offset + bytes)}.`;
    return refuse('file-truncated', file.path, message, `byte ${String(file.bytes)}`);
  }
  const span: TensorSpan = { path: file.path, offset, bytes, dtype, shape, count };
  return success(bundle.bigEndian ? swappedSpan(span) : span);
}

function wrong(key: string, what: string, { index }: Bundle): Result<never> {
  return refuse('tensor-size', index.path, `${index.path}: the tensor ${quoted(key)} ${what}.`, key);
}

async function recognises(path: string): Promise<boolean> {
  if (DATA.test(path)) return true;
  const end = await withFile(path, (file) =>
    file.bytes < TABLE_MAGIC.length
      ? Promise.resolve(success(new Uint8Array(0)))
      : file.read(file.bytes - TABLE_MAGIC.length, TABLE_MAGIC.length),
  );
  return end.ok && TABLE_MAGIC.equals(end.value);
}

/** A checkpoint of TensorFlow 2 (and of version 2 of TensorFlow 1): an index beside its data files. */
export const tensorflow: Format = {
  description: {
    id: 'tensorflow',
    title: 'TensorFlow checkpoint',
    endings: [TENSORFLOW_INDEX],
    supports: ['variables by name or by object, in any number of data files; partitioned ones put together'],
  },
  recognises,
  open,
};
