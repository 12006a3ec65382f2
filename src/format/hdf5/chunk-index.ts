import { chunksOfTree } from './chunk-tree';
import { chunksOfTree2 } from './chunk-tree-2';
import { chunkPlaces, type ChunkShape, type Hdf5Chunk } from './chunks';
import { chunksOfExtensibleArray } from './extensible-array';
import type { Hdf5File } from './file';
import { chunksOfFixedArray } from './fixed-array';
import type { Layout } from './layout';

/** All chunks of a dataset that were written. `null` where no index of a known kind lists them. Throws `Hdf5Error`. */
export async function chunksOf(
  file: Hdf5File,
  { index, address, chunk }: Layout & { kind: 'chunked' },
  shape: ChunkShape,
): Promise<readonly Hdf5Chunk[] | null> {
  if (index.kind === 'other') return null;
  if (!Number.isFinite(address)) return [];
  switch (index.kind) {
    case 'tree':
      return chunksOfTree(file, address, shape);
    case 'single':
      return [{ from: chunk.map(() => 0), address, bytes: index.bytes ?? shape.bytes, mask: index.mask }];
    case 'implicit':
      return chunksInOrder(file, address, shape);
    case 'fixed':
      return chunksOfFixedArray(file, address, shape);
    case 'extensible':
      return chunksOfExtensibleArray(file, address, shape);
    case 'tree-2':
      return chunksOfTree2(file, address, shape);
  }
}

/** Chunks one after the other, of which none was filtered (implicit index, specification VII.B). */
function chunksInOrder(file: Hdf5File, start: number, shape: ChunkShape): readonly Hdf5Chunk[] {
  const places = chunkPlaces(shape, start, Math.floor((file.bytes - start) / shape.bytes));
  return places.map(({ from, number }) => ({
    from,
    address: start + number * shape.bytes,
    bytes: shape.bytes,
    mask: 0,
  }));
}
