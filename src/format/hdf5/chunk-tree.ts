import { MOST_CHUNKS, type ChunkShape, type Hdf5Chunk } from './chunks';
import type { Hdf5File } from './file';

/** Chunks by a B-tree of version 1 (specification III.A.1), as every file has them that is not written for the newest library only. */
export async function chunksOfTree(
  file: Hdf5File,
  root: number,
  { shape }: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  const chunks: Hdf5Chunk[] = [];
  const rank = shape.length;
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
