import { Hdf5Error, type Cursor, type Hdf5File } from './file';

/** One chunk of a dataset: where its first element is, and its bytes as they were filtered. */
export interface Hdf5Chunk {
  readonly from: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** Bit n is set where filter n was not applied. */
  readonly mask: number;
}

/** How chunks lie and what is known of them from the layout message. */
export interface ChunkShape {
  readonly shape: readonly number[];
  readonly chunk: readonly number[];
  /** Bytes of a chunk that no filter changed. */
  readonly bytes: number;
  readonly filtered: boolean;
}

const MOST_CHUNKS = 250_000;

/** Chunks by a B-tree of version 1 (specification III.A.1), as every file has them that is not written for the newest library only. */
export async function chunksOfTree(
  file: Hdf5File,
  root: number,
  shape: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  const chunks: Hdf5Chunk[] = [];
  if (!Number.isFinite(root)) return chunks;
  const rank = shape.shape.length;
  const keyBytes = 8 + 8 * (rank + 1);
  const waiting = [root];
  for (let nodes = 0; waiting.length > 0; nodes++) {
    const address = waiting.pop() ?? 0;
    const head = await file.at(address, 8);
    head.signature('TREE');
    if (head.u8() !== 1) head.fail('has no tree of chunks where one should be');
    const level = head.u8();
    const count = head.u16();
    if (nodes > MOST_CHUNKS || chunks.length + count > MOST_CHUNKS)
      head.fail('has a dataset of too many chunks');
    const { addressBytes } = file;
    const node = await file.at(address, 8 + 2 * addressBytes + count * (keyBytes + addressBytes));
    node.skip(8 + 2 * addressBytes);
    for (let i = 0; i < count; i++) {
      const bytes = node.u32();
      const mask = node.u32();
      const from = Array.from({ length: rank }, () => node.unsigned(8));
      node.skip(8);
      const child = node.addressField();
      if (level > 0) waiting.push(child);
      else chunks.push({ from, address: child, bytes, mask });
    }
  }
  return chunks;
}

/** Chunks one after the other, of which none was filtered (layout version 4, implicit index). */
export function chunksInOrder(start: number, shape: ChunkShape): readonly Hdf5Chunk[] {
  if (!Number.isFinite(start)) return [];
  return placesOf(shape, start).map((from, i) => ({
    from,
    address: start + i * shape.bytes,
    bytes: shape.bytes,
    mask: 0,
  }));
}

/** Chunks in a fixed array (specification III.E of version 3; layout version 4). */
export async function chunksOfArray(
  file: Hdf5File,
  address: number,
  shape: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  if (!Number.isFinite(address)) return [];
  const { addressBytes, lengthBytes } = file;
  const head = await file.at(address, 8 + lengthBytes + addressBytes);
  head.signature('FAHD');
  head.skip(2);
  const entryBytes = head.u8();
  const pageBits = head.u8();
  const entries = head.length();
  const block = head.addressField();
  const places = placesOf(shape, address);
  if (entries < places.length) head.fail('has fewer chunks than its shape needs');
  if (!Number.isFinite(block)) return [];
  const pageEntries = 2 ** Math.min(pageBits, 31);
  const isPaged = entries > pageEntries;
  const pages = Math.ceil(entries / pageEntries);
  const prefix = 6 + addressBytes + (isPaged ? Math.ceil(pages / 8) + 4 : 0);
  const checksums = isPaged ? 4 * pages : 4;
  const data = await file.at(block, prefix + entries * entryBytes + checksums);
  data.signature('FADB');
  data.skip(prefix - 4);
  const chunks: Hdf5Chunk[] = [];
  for (const [i, from] of places.entries()) {
    if (isPaged && i > 0 && i % pageEntries === 0) data.skip(4);
    const entry = data.part(entryBytes);
    const at = entry.addressField();
    const bytes = shape.filtered ? entry.unsigned(entryBytes - addressBytes - 4) : shape.bytes;
    const mask = shape.filtered ? entry.u32() : 0;
    if (Number.isFinite(at)) chunks.push({ from, address: at, bytes, mask });
  }
  return chunks;
}

/** The first elements of all chunks in C order. */
function placesOf({ shape, chunk }: ChunkShape, at: number): readonly (readonly number[])[] {
  let places: number[][] = [[]];
  for (const [axis, length] of shape.entries()) {
    const step = chunk[axis] ?? 1;
    const count = Math.ceil(length / step);
    if (places.length * count > MOST_CHUNKS) throw new Hdf5Error('has a dataset of too many chunks', at);
    places = places.flatMap((place) => Array.from({ length: count }, (_, i) => [...place, i * step]));
  }
  return places;
}

/** One filter that chunks went through when they were written, in this order. */
export type Hdf5Filter = 'deflate' | 'shuffle' | 'checksum' | 'other';

const FILTERS: Readonly<Record<number, Hdf5Filter>> = { 1: 'deflate', 2: 'shuffle', 3: 'checksum' };

/** Reads a filter pipeline message (specification IV.A.2.l). */
export function readFilters(cursor: Cursor): readonly Hdf5Filter[] {
  const version = cursor.u8();
  const count = cursor.u8();
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.u16();
    const nameBytes = version === 1 || id >= 256 ? cursor.u16() : 0;
    cursor.u16();
    const values = cursor.u16();
    cursor.skip(version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes);
    cursor.skip(4 * (values + (version === 1 ? values % 2 : 0)));
    return FILTERS[id] ?? 'other';
  });
}
