import type { Cursor, Hdf5File } from './file';
import { bytesFor, recordsOfTree } from './tree-2';

/** From the id of an object in a heap to its bytes. */
export type HeapObjects = (id: Cursor) => Promise<Cursor>;

const MOST_BLOCKS = 100_000;
const MOST_HUGE = 100_000;
/** Records of objects that are too large for the heap: address, length, number. */
const HUGE_BY_NUMBER = 1;

/** Opens a fractal heap (specification III.G), in which groups keep many links, and objects many or long attributes. */
export async function openFractalHeap(file: Hdf5File, address: number): Promise<HeapObjects> {
  const { addressBytes, lengthBytes } = file;
  const head = await file.at(address, 22 + 12 * lengthBytes + 3 * addressBytes);
  head.signature('FRHP');
  head.skip(3);
  if (head.u16() !== 0) head.fail('has a packed heap, which is not read');
  head.u8();
  const largestObject = head.u32();
  head.skip(lengthBytes);
  const hugeTree = head.addressField();
  head.skip(lengthBytes + addressBytes + 8 * lengthBytes);
  const width = head.u16();
  const first = head.length();
  const largest = head.length();
  const heapBits = head.u16();
  head.u16();
  const root = head.addressField();
  const rows = head.u16();
  const lengthSize = Math.min(bytesFor(largest), bytesFor(largestObject));
  const blocks = await heapBlocks(file, head, { width, first, largest, root, rows, heapBits });
  return async (id) => {
    const kind = id.u8();
    if ((kind & 0x30) === 0x20) return id.part(Math.min((kind & 0x0f) + 1, id.left));
    if ((kind & 0x30) === 0x10) return hugeObject(file, hugeTree, id);
    const offset = id.unsigned(Math.ceil(heapBits / 8));
    const length = id.unsigned(lengthSize);
    const block = blocks.find(({ start, size }) => offset >= start && offset < start + size);
    if (block === undefined) return id.fail('names something outside of its heap');
    return file.at(block.address + offset - block.start, Math.min(length, block.size));
  };
}

/** An object too large for the blocks of the heap: its id has its place, or a number under which a tree has that. */
async function hugeObject(file: Hdf5File, tree: number, id: Cursor): Promise<Cursor> {
  if (id.left >= file.addressBytes + file.lengthBytes) return file.at(id.addressField(), id.length());
  const number = id.unsigned(Math.min(8, id.left));
  if (!Number.isFinite(tree)) return id.fail('names something outside of its heap');
  for (const record of await recordsOfTree(file, tree, HUGE_BY_NUMBER, MOST_HUGE)) {
    const [address, length] = [record.addressField(), record.length()];
    if (record.length() === number) return file.at(address, length);
  }
  return id.fail('names something outside of its heap');
}

interface HeapShape {
  readonly width: number;
  readonly first: number;
  readonly largest: number;
  readonly root: number;
  readonly rows: number;
  readonly heapBits: number;
}

interface HeapBlock {
  /** Offset in the heap, and address in the file. */
  readonly start: number;
  readonly size: number;
  readonly address: number;
}

/**
 * Direct blocks: the root itself, or those of the root's rows, each row's blocks twice the size of the one before. Blocks that
 * would be larger than the largest are tables of blocks themselves.
 */
async function heapBlocks(file: Hdf5File, head: Cursor, shape: HeapShape): Promise<readonly HeapBlock[]> {
  const { width, first, root, rows } = shape;
  if (!Number.isFinite(root)) return [];
  if (rows === 0) return [{ start: 0, size: first, address: root }];
  if (width === 0 || !(first > 0) || rows > 64 || width > 1024) head.fail('has a heap of impossible sizes');
  const blocks: HeapBlock[] = [];
  await readTable(file, shape, { address: root, rows, start: 0 }, blocks, new Set());
  return blocks;
}

async function readTable(
  file: Hdf5File,
  shape: HeapShape,
  { address, rows, start }: { readonly address: number; readonly rows: number; readonly start: number },
  blocks: HeapBlock[],
  seen: Set<number>,
): Promise<void> {
  const { width, first, largest, heapBits } = shape;
  const prefix = 5 + file.addressBytes + Math.ceil(heapBits / 8);
  const node = await file.at(address, prefix + rows * width * file.addressBytes);
  node.signature('FHIB');
  node.skip(prefix - 4);
  if (seen.has(address) || blocks.length > MOST_BLOCKS) node.fail('has a heap that never ends');
  seen.add(address);
  let at = start;
  for (let row = 0; row < rows; row++) {
    const size = first * 2 ** Math.max(0, row - 1);
    for (let column = 0; column < width; column++, at += size) {
      const child = node.addressField();
      if (!Number.isFinite(child)) continue;
      if (size <= largest) blocks.push({ start: at, size, address: child });
      else {
        const below = { address: child, rows: Math.log2(size / (first * width)) + 1, start: at };
        if (!(below.rows >= 1)) node.fail('has a heap of impossible sizes');
        await readTable(file, shape, below, blocks, seen);
      }
    }
  }
}
