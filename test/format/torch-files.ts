import { Buffer } from 'node:buffer';
import { zipFile, type ZipMember } from '../graph/data/files';

/** A tensor for a pickle: torch's `_rebuild_tensor_v2(storage, offset, shape, stride, …)`. */
export interface TorchTensor {
  readonly key: string;
  /** `FloatStorage` */
  readonly storage: string;
  /** Elements of the storage. */
  readonly elements: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** What can be pickled here: instructions themselves where nothing else will do. */
export type Plain =
  | null
  | number
  | string
  | TorchTensor
  | { readonly raw: Buffer }
  | { readonly dict: readonly (readonly [string, Plain])[] };

const op = (code: string): Buffer => Buffer.from(code, 'latin1');

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([op('X'), length, bytes]);
}

function whole(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return Buffer.concat([op('J'), bytes]);
}

/** The instruction that names a class or function. */
export function global(module: string, name: string): Buffer {
  return op(`c${module}\n${name}\n`);
}

function tuple(values: readonly Buffer[]): Buffer {
  return Buffer.concat([op('('), ...values, op('t')]);
}

function body(value: Plain): Buffer {
  if (value === null) return op('N');
  if (typeof value === 'number') return whole(value);
  if (typeof value === 'string') return text(value);
  if ('raw' in value) return value.raw;
  if ('dict' in value) {
    const items = value.dict.flatMap(([key, part]) => [text(key), body(part)]);
    return Buffer.concat([op('}('), ...items, op('u')]);
  }
  const storage = tuple([
    text('storage'),
    global('torch', value.storage),
    text(value.key),
    text('cpu'),
    whole(value.elements),
  ]);
  const sizes = (list: readonly number[]) => tuple(list.map(whole));
  const given = [
    Buffer.concat([storage, op('Q')]),
    whole(value.offset ?? 0),
    sizes(value.shape),
    sizes(value.stride),
  ];
  return Buffer.concat([
    global('torch._utils', '_rebuild_tensor_v2'),
    tuple([...given, op('\x89'), op(')')]),
    op('R'),
  ]);
}

/** The instructions of a value, without start and end. */
export function pickled(value: Plain): Buffer {
  return body(value);
}

/** A pickle of protocol 2. */
export function pickle(value: Plain): Buffer {
  return Buffer.concat([op('\x80\x02'), body(value), op('.')]);
}

/** A file as `torch.save` writes it since 1.6: storages by key. */
export function torchZipFile(
  content: Plain,
  storages: Readonly<Record<string, Buffer>>,
  more: readonly ZipMember[] = [],
  order: 'little' | 'big' = 'little',
): Buffer {
  return zipFile([
    { name: 'archive/data.pkl', content: pickle(content) },
    { name: 'archive/byteorder', content: Buffer.from(order) },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, content: bytes })),
    { name: 'archive/version', content: Buffer.from('3\n') },
    ...more,
  ]);
}

/** The same as `torch.save` wrote it before: storages with their numbers of elements. */
export function torchLegacyFile(
  content: Plain,
  storages: readonly { readonly key: string; readonly elements: number; readonly bytes: Buffer }[],
): Buffer {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
  const keys = { raw: Buffer.concat([op(']('), ...storages.map(({ key }) => text(key)), op('e')]) };
  const data = storages.flatMap(({ elements, bytes }) => {
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(BigInt(elements));
    return [count, bytes];
  });
  const system = { dict: [['little_endian', { raw: op('\x88') }]] } as const;
  return Buffer.concat([magic, pickle(1001), pickle(system), pickle(content), pickle(keys), ...data]);
}

/** Little-endian float32. */
export function floats(...values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}
