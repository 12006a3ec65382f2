import { chunkPlaces, readChunkEntry, type ChunkShape, type Hdf5Chunk } from './chunks';
import type { Hdf5File } from './file';

/** Chunks in a fixed array (specification VII.C): of datasets that grow to known limits at most, whose chunks all have an entry. */
export async function chunksOfFixedArray(
  file: Hdf5File,
  address: number,
  shape: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  const { addressBytes, lengthBytes } = file;
  const head = await file.at(address, 8 + lengthBytes + addressBytes);
  head.signature('FAHD');
  head.skip(2);
  const entryBytes = head.u8();
  const pageEntries = 2 ** Math.min(head.u8(), 31);
  const entries = head.length();
  const block = head.addressField();
  if (!Number.isFinite(block)) return [];
  const isPaged = entries > pageEntries;
  const pages = isPaged ? Math.ceil(entries / pageEntries) : 0;
  const prefix = 6 + addressBytes;
  // Pages have a checksum each, and one more ends what stands before them.
  const before = isPaged ? prefix + Math.ceil(pages / 8) + 4 : prefix;
  const data = await file.at(block, before + entries * entryBytes + (isPaged ? 4 * pages : 4));
  data.signature('FADB');
  const written = data.bytes.subarray(prefix, before);
  const chunks: Hdf5Chunk[] = [];
  for (const { from, number } of chunkPlaces(shape, address, entries)) {
    const page = isPaged ? Math.floor(number / pageEntries) : 0;
    // Pages to which nothing was written hold whatever was there before.
    if (isPaged && !isSet(written, page)) continue;
    data.position = before + number * entryBytes + 4 * page;
    const chunk = readChunkEntry(data.part(entryBytes), from, shape);
    if (chunk !== null) chunks.push(chunk);
  }
  return chunks;
}

/** Bit `at` of a field of bits that begins with the highest bit of its first byte. */
export function isSet(bits: Uint8Array, at: number): boolean {
  return ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0;
}
