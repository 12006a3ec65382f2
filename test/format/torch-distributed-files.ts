// Folders of torch.distributed.checkpoint, built without anything of src.
import { Buffer } from 'node:buffer';
import { floats, global, pickle, pickled, torchZipFile, type Plain } from './torch-files';

const op = (code: string) => Buffer.from(code, 'latin1');

/** An object of a class with these fields. */
function object(module: string, name: string, fields: readonly (readonly [string, Plain])[]): Plain {
  return { raw: Buffer.concat([global(module, name), op(')\x81'), pickled({ dict: fields }), op('b')]) };
}

function size(...lengths: readonly number[]): Plain {
  return { raw: Buffer.concat([global('torch', 'Size'), op('(('), ...lengths.map(pickled), op('ttR')]) };
}

function list(items: readonly Plain[]): Plain {
  return { raw: Buffer.concat([op(']('), ...items.map(pickled), op('e')]) };
}

/** Part of a tensor and its values. */
export interface Part {
  readonly from: readonly number[];
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly file?: string;
}

const CHECKPOINT = 'torch.distributed.checkpoint';

/** The files that `torch.distributed.checkpoint` writes, by name: each part is a file of `torch.save`, one after the other. */
export function distributedFiles(
  tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly parts: readonly Part[] }>>,
): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const state: Buffer[] = [];
  const storage: Buffer[] = [];
  for (const [name, { shape, parts }] of Object.entries(tensors)) {
    const chunks = parts.map(({ from, shape: lengths }) =>
      object(`${CHECKPOINT}.metadata`, 'ChunkStorageMetadata', [
        ['offsets', size(...from)],
        ['sizes', size(...lengths)],
      ]),
    );
    const described = object(`${CHECKPOINT}.metadata`, 'TensorStorageMetadata', [
      ['size', size(...shape)],
      ['chunks', list(chunks)],
    ]);
    state.push(pickled(name), pickled(described));
    for (const { from, shape: lengths, values, file = '__0_0.distcp' } of parts) {
      const stride = lengths.map((_, axis) => lengths.slice(axis + 1).reduce((a, b) => a * b, 1));
      const saved = torchZipFile(
        { key: '0', storage: 'FloatStorage', elements: values.length, shape: lengths, stride },
        { 0: floats(...values) },
      );
      const before = files.get(file) ?? Buffer.alloc(0);
      files.set(file, Buffer.concat([before, saved]));
      const index = object(`${CHECKPOINT}.metadata`, 'MetadataIndex', [
        ['fqn', name],
        ['offset', size(...from)],
        ['index', 0],
      ]);
      const info = object(`${CHECKPOINT}.filesystem`, '_StorageInfo', [
        ['relative_path', file],
        ['offset', before.length],
        ['length', saved.length],
      ]);
      storage.push(pickled(index), pickled(info));
    }
  }
  const dict = (items: readonly Buffer[]): Plain => ({ raw: Buffer.concat([op('}('), ...items, op('u')]) });
  const metadata = object(`${CHECKPOINT}.metadata`, 'Metadata', [
    ['state_dict_metadata', dict(state)],
    ['planner_data', null],
    ['storage_data', dict(storage)],
  ]);
  return files.set('.metadata', pickle(metadata));
}

/** A tensor in one part. */
export const WHOLE = { shape: [3], parts: [{ from: [0], shape: [3], values: [7, 8, 9] }] };
/** A tensor in two parts, in two files. */
export const ROWS = {
  shape: [3, 2],
  parts: [
    { from: [0, 0], shape: [2, 2], values: [1, 2, 3, 4] },
    { from: [2, 0], shape: [1, 2], values: [5, 6], file: '__1_0.distcp' },
  ],
};
