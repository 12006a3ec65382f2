import type { Cursor, Hdf5File } from './file';

const MOST_RECORDS = 1_000_000;

/**
 * The link messages of a group with many members, or with their order of creation: a fractal heap holds them (specification
 * III.G), a B-tree of version 2 (III.A.2) says where. `info` is the link info message (IV.A.2.c). Only objects that lie in
 * the heap itself; links are never as long as to lie elsewhere.
 */
export async function denseLinks(file: Hdf5File, info: Cursor): Promise<readonly Cursor[]> {
  info.u8();
  const flags = info.u8();
  if ((flags & 1) !== 0) info.skip(8);
  const heapAt = info.addressField();
  const treeAt = info.addressField();
  if (!Number.isFinite(heapAt) || !Number.isFinite(treeAt)) return [];
  const heap = await openHeap(file, heapAt);
  const found: Cursor[] = [];
  for (const id of await heapIds(file, treeAt)) found.push(await heap(id));
  return found;
}

/** Records of a B-tree by names: a hash of four bytes, then the id in the heap. */
async function heapIds(file: Hdf5File, address: number): Promise<readonly Cursor[]> {
  const head = await file.at(address, 16 + file.addressBytes + 2 + file.lengthBytes);
  head.signature('BTHD');
  head.u8();
  if (head.u8() !== 5) head.fail('has links indexed in a way that is not read');
  const nodeSize = head.u32();
  const recordSize = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.addressField();
  const rootRecords = head.u16();
  const ids: Cursor[] = [];
  if (rootRecords === 0 || !Number.isFinite(root)) return ids;
  if (recordSize < 5 || nodeSize < 64 || depth > 16) head.fail('has a tree of impossible sizes');
  await readNode(file, { nodeSize, recordSize }, root, rootRecords, depth, ids);
  return ids;
}

async function readNode(
  file: Hdf5File,
  tree: { readonly nodeSize: number; readonly recordSize: number },
  address: number,
  records: number,
  depth: number,
  ids: Cursor[],
): Promise<void> {
  const { nodeSize, recordSize } = tree;
  const node = await file.at(address, nodeSize);
  node.signature(depth === 0 ? 'BTLF' : 'BTIN');
  node.skip(2);
  if (ids.length + records > MOST_RECORDS) node.fail('has a group that never ends');
  for (let i = 0; i < records; i++) {
    const record = node.part(recordSize);
    record.skip(4);
    ids.push(record.part(recordSize - 4));
  }
  if (depth === 0) return;
  const counts = countSizes(file, tree, depth);
  for (let i = 0; i <= records; i++) {
    const child = node.addressField();
    const own = node.unsigned(counts.own);
    if (depth > 1) node.skip(counts.total);
    await readNode(file, tree, child, own, depth - 1, ids);
  }
}

/** Bytes of the numbers of records in a child, and below it: as many as the largest possible numbers take. */
function countSizes(
  file: Hdf5File,
  { nodeSize, recordSize }: { readonly nodeSize: number; readonly recordSize: number },
  depth: number,
): { readonly own: number; readonly total: number } {
  const leaf = Math.floor((nodeSize - 10) / recordSize);
  const own = bytesFor(leaf);
  let most = leaf;
  let total = own;
  for (let level = 1; level < depth; level++) {
    const pointer = file.addressBytes + own + (level > 1 ? total : 0);
    const inner = Math.floor((nodeSize - 10 - pointer) / (recordSize + pointer));
    most = (inner + 1) * most + inner;
    total = bytesFor(most);
  }
  return { own, total };
}

function bytesFor(most: number): number {
  return Math.max(1, Math.ceil(Math.log2(most + 1) / 8));
}

/** Opens a fractal heap: a function from ids of managed objects to their bytes. */
async function openHeap(file: Hdf5File, address: number): Promise<(id: Cursor) => Promise<Cursor>> {
  const { addressBytes, lengthBytes } = file;
  const head = await file.at(address, 22 + 12 * lengthBytes + 3 * addressBytes);
  head.signature('FRHP');
  head.skip(3);
  if (head.u16() !== 0) head.fail('has a packed heap, which is not read');
  head.u8();
  const largestObject = head.u32();
  head.skip(2 * lengthBytes + 2 * addressBytes + 8 * lengthBytes);
  const width = head.u16();
  const first = head.length();
  const largest = head.length();
  const heapBits = head.u16();
  head.u16();
  const root = head.addressField();
  const rows = head.u16();
  const offsetBytes = Math.ceil(heapBits / 8);
  const lengthSize = Math.min(bytesFor(largest), bytesFor(largestObject));
  const blocks = await heapBlocks(file, head, { width, first, largest, root, rows, heapBits });
  return async (id) => {
    if ((id.u8() & 0x30) !== 0) id.fail('has a link outside of its heap, which is not read');
    const offset = id.unsigned(offsetBytes);
    const length = id.unsigned(lengthSize);
    const block = blocks.find(({ start, size }) => offset >= start && offset < start + size);
    if (block === undefined) return id.fail('has a link outside of its heap');
    return file.at(block.address + offset - block.start, Math.min(length, block.size));
  };
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

/** Direct blocks: the root itself, or those of the root's rows, each row's blocks twice the size of the one before. */
async function heapBlocks(file: Hdf5File, head: Cursor, shape: HeapShape): Promise<readonly HeapBlock[]> {
  const { width, first, largest, root, rows, heapBits } = shape;
  if (!Number.isFinite(root)) return [];
  if (rows === 0) return [{ start: 0, size: first, address: root }];
  if (width === 0 || rows > 64 || width > 1024) head.fail('has a heap of impossible sizes');
  const prefix = 5 + file.addressBytes + Math.ceil(heapBits / 8);
  const node = await file.at(root, prefix + rows * width * file.addressBytes);
  node.signature('FHIB');
  node.skip(prefix - 4);
  const blocks: HeapBlock[] = [];
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const size = first * 2 ** Math.max(0, row - 1);
    if (size > largest) head.fail('has a group too large to be read');
    for (let column = 0; column < width; column++) {
      const address = node.addressField();
      if (Number.isFinite(address)) blocks.push({ start, size, address });
      start += size;
    }
  }
  return blocks;
}
