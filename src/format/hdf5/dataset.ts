import { placeInFile, type TensorSpan } from '../../tensor/span';
import type { Stored, StoredPlace } from '../../tensor/stored/stored';
import { spanOver, swappedSpan } from '../stored-spans';
import { chunksOf } from './chunk-index';
import type { Hdf5Chunk } from './chunks';
import { readDataspace, readDatatype, type Dataspace, type Hdf5Type } from './datatype';
import type { Cursor, Hdf5File } from './file';
import { readFilters, unfiltered, type Hdf5Filter, type PlaceBytes } from './filters';
import { readLayout, type Layout } from './layout';
import { MESSAGE, type HeaderMessage } from './object-header';

type NumberType = Hdf5Type & { readonly kind: 'number' };

/** A dataset with elements that no chunk holds has at most so many bytes, or times the bytes that are there. */
const MOST_UNWRITTEN = 2 ** 28;
const MOST_RATIO = 4096;

/** Why a dataset is no tensor here, as a clause. */
export type NoTensor = string;

/**
 * A dataset as a tensor: contiguous, compact, or in chunks with the filters deflate, shuffle and checksum (which is passed
 * over). `null` for an object that is no dataset. `brain` says which elements of two bytes are bfloat16: all (Keras 3 says so in an
 * attribute), or those without a type (which is what h5py makes of bfloat16 where Keras saves in its old way).
 */
export async function readDataset(
  file: Hdf5File,
  messages: readonly HeaderMessage[],
  place: PlaceBytes,
  brain: 'all' | 'opaque' | null,
): Promise<TensorSpan | NoTensor | null> {
  const find = (type: number): Cursor | undefined => messages.find((message) => message.type === type)?.body;
  const [layoutBody, typeBody, spaceBody] = [
    find(MESSAGE.layout),
    find(MESSAGE.datatype),
    find(MESSAGE.dataspace),
  ];
  if (layoutBody === undefined || typeBody === undefined || spaceBody === undefined) return null;
  const type = readDatatype(typeBody);
  const isBrain = type.size === 2 && (brain === 'all' || brain === type.kind);
  const known: Hdf5Type = isBrain ? { kind: 'number', size: 2, dtype: 'BF16', bigEndian: false } : type;
  if (known.kind !== 'number') return 'holds no numbers';
  const space = readDataspace(spaceBody);
  if (space === null) return 'is empty';
  const { shape } = space;
  const count = shape.reduce((product, length) => product * length, 1);
  if (!Number.isSafeInteger(count * known.size)) return spaceBody.fail('has a dataset beyond all bounds');
  const layout = readLayout(layoutBody, shape.length);
  if (layout === null) return 'lies in other files or in a way that is not read';
  const filters = find(MESSAGE.filters);
  const pipeline = filters === undefined ? [] : readFilters(filters);
  if (pipeline.includes('other')) return 'is packed in a way that is not read';
  const plain = { ...known, ...space };
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

type Elements = NumberType & Dataspace;

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
  const chunks = await chunkSpans(file, layout, elements, pipeline, place);
  if (typeof chunks === 'string') return chunks;
  const { tiles, onDisk } = chunks;
  const first = tiles[0] === undefined ? { offset: 0, bytes: 0 } : placeInFile(tiles[0].span);
  if (bytes > Math.max(MOST_UNWRITTEN, MOST_RATIO * onDisk)) return 'has far more elements than were written';
  return form({ label: dtype, offset: first.offset, bytes: onDisk }, tiles, place(0, 0).path);
}

type Tile = (Stored & { kind: 'tiled' })['tiles'][number];

/** The chunks of a dataset as they were before their filters, and how many bytes they take on disk. */
async function chunkSpans(
  file: Hdf5File,
  layout: Layout & { kind: 'chunked' },
  { shape, most, size }: Elements,
  pipeline: readonly Hdf5Filter[],
  place: PlaceBytes,
): Promise<{ readonly tiles: readonly Tile[]; readonly onDisk: number } | NoTensor> {
  const { chunk } = layout;
  const bytes = chunk.reduce((product, length) => product * length, size);
  if (!(bytes > 0) || !(bytes < 2 ** 32)) return 'has chunks of impossible sizes';
  const chunks = await chunksOf(file, layout, {
    shape,
    most,
    chunk,
    bytes,
    filtered: pipeline.length > 0,
  });
  if (chunks === null) return 'is indexed in a way that is not read';
  const isEdge = ({ from }: Hdf5Chunk): boolean =>
    from.some((at, axis) => at + (chunk[axis] ?? 1) > (shape[axis] ?? 0));
  const tiles: Tile[] = [];
  let onDisk = 0;
  for (const one of chunks) {
    // A dataset that became smaller may have chunks behind its end.
    if (!one.from.every((at, axis) => at < (shape[axis] ?? 0))) continue;
    await file.at(one.address + one.bytes, 0);
    const applied = layout.plainEdges && isEdge(one) ? [] : pipeline;
    const span = unfiltered(one, applied, size, bytes, place);
    if (span === null) return 'has a chunk of another size than its shape needs';
    tiles.push({ from: one.from, shape: chunk, span });
    onDisk += one.bytes;
  }
  return { tiles, onDisk };
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
