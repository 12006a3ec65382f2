import { MOST_CHUNKS, type ChunkShape, type Hdf5Chunk } from './chunks';
import type { Hdf5File } from './file';
import { recordsOfTree } from './tree-2';

const PLAIN = 10;
const FILTERED = 11;

/** Chunks by a B-tree of version 2 (specification III.A.2 and VII.E), of datasets that may grow along more than one axis. */
export async function chunksOfTree2(
  file: Hdf5File,
  address: number,
  { chunk, bytes, filtered }: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  const records = await recordsOfTree(file, address, filtered ? FILTERED : PLAIN, MOST_CHUNKS);
  return records.map((record) => {
    const at = record.addressField();
    // The bytes of a chunk's size are what the other fields leave of the record.
    const size = filtered ? record.unsigned(record.left - 4 - 8 * chunk.length) : bytes;
    const mask = filtered ? record.u32() : 0;
    return { from: chunk.map((length) => record.unsigned(8) * length), address: at, bytes: size, mask };
  });
}
