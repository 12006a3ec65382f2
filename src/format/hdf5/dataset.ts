import { placeInFile, type TensorSpan } from '../../tensor/span';
import type { Stored, StoredPlace } from '../../tensor/stored/stored';
import { spanOver, swappedSpan } from '../stored-spans';
import {
  chunksInOrder,
  chunksOfArray,
  chunksOfTree,
  readFilters,
  type Hdf5Chunk,
  type Hdf5Filter,
} from './chunks';
import { readDataspace, readDatatype, type Hdf5Type } from './datatype';
import type { Cursor, Hdf5File } from './file';
import { MESSAGE, type HeaderMessage } from './object-header';

/** Bytes of the file as a tensor of bytes: where an address lies in what is really on disk. */
export type PlaceBytes = (address: number, bytes: number) => TensorSpan;

type NumberType = Hdf5Type & { readonly kind: 'number' };
type Layout =
  | { readonly kind: 'compact'; readonly bytes: Uint8Array }
  | { readonly kind: 'contiguous'; readonly address: number }
  | {
      readonly kind: 'chunked';
      readonly index: string;
      readonly address: number;
      readonly chunk: readonly number[];
      readonly single: number | null;
    };

/** A dataset with elements that no chunk holds has at most so many bytes, or times the bytes that are there. */
const MOST_UNWRITTEN = 2 ** 28;
const MOST_RATIO = 4096;

/** Why a dataset is no tensor here, as a clause. */
export type NoTensor = string;

/**
 * A dataset as a tensor: contiguous, compact, or in chunks with the filters deflate, shuffle and checksum (which is passed
 * over). `null` for an object that is no dataset. `isBrain` says that elements of two bytes are bfloat16 (Keras says so in an attribute).
 */
export async function readDataset(
  file: Hdf5File,
  messages: readonly HeaderMessage[],
  place: PlaceBytes,
  isBrain: boolean,
): Promise<TensorSpan | NoTensor | null> {
  const find = (type: number): Cursor | undefined => messages.find((message) => message.type === type)?.body;
  const [layoutBody, typeBody, spaceBody] = [
    find(MESSAGE.layout),
    find(MESSAGE.datatype),
    find(MESSAGE.dataspace),
  ];
  if (layoutBody === undefined || typeBody === undefined || spaceBody === undefined) return null;
  const type = readDatatype(typeBody);
  const known: Hdf5Type =
    isBrain && type.size === 2 ? { kind: 'number', size: 2, dtype: 'BF16', bigEndian: false } : type;
  if (known.kind !== 'number') return 'holds no numbers';
  const shape = readDataspace(spaceBody);
  if (shape === null) return 'is empty';
  const count = shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(count * known.size)) return spaceBody.fail('has a dataset beyond all bounds');
  const layout = readLayout(layoutBody, shape.length);
  if (layout === null) return 'lies in other files or in a way that is not read';
  const filters = find(MESSAGE.filters);
  const pipeline = filters === undefined ? [] : readFilters(filters);
  if (pipeline.includes('other')) return 'is packed in a way that is not read';
  const plain = { ...known, shape };
  const span = await spanOfLayout(
    file,
    layout,
    plain,
    pipeline,
    place,
    fillOf(find(MESSAGE.fill), known.size),
  );
  return typeof span === 'string' || !known.bigEndian ? span : swappedSpan(span);
}

interface Elements extends NumberType {
  readonly shape: readonly number[];
}

async function spanOfLayout(
  file: Hdf5File,
  layout: Layout,
  elements: Elements,
  pipeline: readonly Hdf5Filter[],
  place: PlaceBytes,
  fill: Uint8Array | undefined,
): Promise<TensorSpan | NoTensor> {
  const { dtype, shape, size } = elements;
  const count = shape.reduce((product, length) => product * length, 1);
  const bytes = count * size;
  const form = (kind: StoredPlace, tiles: (Stored & { kind: 'tiled' })['tiles'], path: string): TensorSpan =>
    spanOver(
      { ...kind, kind: 'tiled', size, shape, tiles, ...(fill === undefined ? {} : { fill }) },
      path,
      dtype,
      shape,
    );
  if (layout.kind === 'compact') {
    if (layout.bytes.length < bytes) return 'has fewer bytes than its shape needs';
    const memory = new SharedArrayBuffer(bytes);
    new Uint8Array(memory).set(layout.bytes.subarray(0, bytes));
    return { path: place(0, 0).path, offset: 0, bytes, dtype, shape, count, memory };
  }
  if (layout.kind === 'contiguous') {
    const { path } = place(0, 0);
    // Nothing was ever written: all elements are the fill value.
    if (!Number.isFinite(layout.address) && bytes > MOST_UNWRITTEN) return 'was never written';
    if (!Number.isFinite(layout.address)) return form({ label: dtype, offset: 0, bytes: 0 }, [], path);
    await file.at(layout.address + bytes, 0);
    return { ...place(layout.address, bytes), dtype, shape, count };
  }
  const { chunk } = layout;
  const elementsPerChunk = chunk.reduce((product, length) => product * length, 1);
  const shapeOf = { shape, chunk, bytes: elementsPerChunk * size, filtered: pipeline.length > 0 };
  if (!(elementsPerChunk > 0) || !(shapeOf.bytes < 2 ** 32)) return 'has chunks of impossible sizes';
  const chunks = await chunksOf(file, layout, shapeOf);
  if (chunks === null) return 'is indexed in a way that only the newest library writes';
  const tiles: { from: readonly number[]; shape: readonly number[]; span: TensorSpan }[] = [];
  for (const one of chunks) {
    await file.at(one.address + one.bytes, 0);
    const span = unfiltered(one, pipeline, size, shapeOf.bytes, place);
    if (span === null) return 'has a chunk of another size than its shape needs';
    if (one.from.every((at, axis) => at < (shape[axis] ?? 0)))
      tiles.push({ from: one.from, shape: chunk, span });
  }
  const first = tiles[0] === undefined ? { offset: 0, bytes: 0 } : placeInFile(tiles[0].span);
  const onDisk = chunks.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes > Math.max(MOST_UNWRITTEN, MOST_RATIO * onDisk)) return 'has far more elements than were written';
  return form({ label: dtype, offset: first.offset, bytes: onDisk }, tiles, place(0, 0).path);
}

async function chunksOf(
  file: Hdf5File,
  { index, address, single }: Layout & { kind: 'chunked' },
  shape: Parameters<typeof chunksInOrder>[1],
): Promise<readonly Hdf5Chunk[] | null> {
  switch (index) {
    case 'tree':
      return chunksOfTree(file, address, shape);
    case 'single':
      return Number.isFinite(address)
        ? [{ from: shape.shape.map(() => 0), address, bytes: single ?? shape.bytes, mask: 0 }]
        : [];
    case 'implicit':
      return chunksInOrder(address, shape);
    case 'fixed':
      return chunksOfArray(file, address, shape);
    default:
      return null;
  }
}

/** A chunk as it was before its filters: from the last to the first, each undone. `null` where the sizes contradict each other. */
function unfiltered(
  chunk: Hdf5Chunk,
  pipeline: readonly Hdf5Filter[],
  size: number,
  whole: number,
  place: PlaceBytes,
): TensorSpan | null {
  const applied = pipeline.filter((_, i) => (chunk.mask & (1 << i)) === 0);
  let span = place(chunk.address, chunk.bytes);
  for (let i = applied.length - 1; i >= 0; i--) {
    const place = { ...placeInFile(span), label: 'U8' };
    if (applied[i] === 'checksum') {
      if (span.bytes < 4) return null;
      span = { ...span, bytes: span.bytes - 4, count: span.bytes - 4, shape: [span.bytes - 4] };
    } else if (applied[i] === 'deflate') {
      // Checksums that were written before it are packed, too.
      const length = whole + 4 * applied.slice(0, i).filter((filter) => filter === 'checksum').length;
      span = spanOver({ ...place, kind: 'inflated', form: 'zlib', length, source: span }, span.path, 'U8', [
        length,
      ]);
    } else if (size > 1) {
      span = spanOver({ ...place, kind: 'shuffled', size, source: span }, span.path, 'U8', [span.bytes]);
    }
  }
  return span.bytes === whole ? span : null;
}

/** Reads a data layout message (specification IV.A.2.i); `null` for virtual datasets and unknown versions. */
function readLayout(cursor: Cursor, rank: number): Layout | null {
  const version = cursor.u8();
  if (version < 3) return oldLayout(cursor);
  if (version > 5) return null;
  switch (cursor.u8()) {
    case 0:
      return { kind: 'compact', bytes: cursor.raw(cursor.u16()) };
    case 1:
      return { kind: 'contiguous', address: cursor.addressField() };
    case 2:
      return version === 3 ? chunkedByTree(cursor, rank) : chunkedNewly(cursor, rank);
    default:
      return null;
  }
}

function chunkedByTree(cursor: Cursor, rank: number): Layout {
  const axes = cursor.u8();
  if (axes !== rank + 1) cursor.fail('has chunks of another rank than its dataset');
  const address = cursor.addressField();
  const chunk = Array.from({ length: rank }, () => cursor.u32());
  return { kind: 'chunked', index: 'tree', address, chunk, single: null };
}

const INDEXES: Readonly<Record<number, string>> = { 1: 'single', 2: 'implicit', 3: 'fixed' };

function chunkedNewly(cursor: Cursor, rank: number): Layout {
  const flags = cursor.u8();
  const axes = cursor.u8();
  if (axes !== rank + 1) cursor.fail('has chunks of another rank than its dataset');
  const width = cursor.u8();
  const chunk = Array.from({ length: rank }, () => cursor.unsigned(width));
  cursor.skip(width);
  const index = INDEXES[cursor.u8()] ?? 'other';
  const single = index === 'single' && (flags & 2) !== 0 ? cursor.length() : null;
  if (single !== null) cursor.u32();
  if (index === 'fixed') cursor.u8();
  return { kind: 'chunked', index, address: index === 'other' ? 0 : cursor.addressField(), chunk, single };
}

function oldLayout(cursor: Cursor): Layout | null {
  const axes = cursor.u8();
  const kind = cursor.u8();
  cursor.skip(5);
  const address = kind === 0 ? 0 : cursor.addressField();
  const sizes = Array.from({ length: axes }, () => cursor.u32());
  if (kind === 0) return { kind: 'compact', bytes: cursor.raw(cursor.u32()) };
  if (kind === 1) return { kind: 'contiguous', address };
  return kind === 2
    ? { kind: 'chunked', index: 'tree', address, chunk: sizes.slice(0, -1), single: null }
    : null;
}

/** The element that stands where nothing was written (specification IV.A.2.f); zero where the message says nothing. */
function fillOf(cursor: Cursor | undefined, size: number): Uint8Array | undefined {
  if (cursor === undefined) return undefined;
  const version = cursor.u8();
  const flags = version < 3 ? cursor.raw(3)[2] : cursor.u8();
  const defined = version === 1 || (version === 2 ? flags === 1 : ((flags ?? 0) & 0x20) !== 0);
  if (!defined || cursor.left < 4) return undefined;
  const length = cursor.u32();
  return length === size ? cursor.raw(length).slice() : undefined;
}
