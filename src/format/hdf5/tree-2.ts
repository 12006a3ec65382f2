import type { Cursor, Hdf5File } from './file';

interface TreeShape {
  readonly nodeSize: number;
  readonly recordSize: number;
  /** Records beyond this are more than what is indexed can have. */
  readonly most: number;
}

interface Node {
  readonly address: number;
  readonly records: number;
  readonly depth: number;
}

/**
 * All records of a B-tree of version 2 (specification III.A.2), in order of its nodes. `type` is the kind of its records (5: links by
 * name, 8: attributes by name, 10 and 11: chunks, ...); throws where it is of another, has more than `most`, or a node twice.
 */
export async function recordsOfTree(
  file: Hdf5File,
  address: number,
  type: number,
  most: number,
): Promise<readonly Cursor[]> {
  const head = await file.at(address, 16 + file.addressBytes + 2 + file.lengthBytes);
  head.signature('BTHD');
  head.u8();
  if (head.u8() !== type) head.fail('has an index of an unknown kind');
  const nodeSize = head.u32();
  const recordSize = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.addressField();
  const records = head.u16();
  const found: Cursor[] = [];
  if (records === 0 || !Number.isFinite(root)) return found;
  if (recordSize < 5 || nodeSize < 64 || depth > 16) head.fail('has a tree of impossible sizes');
  await readNode(file, { nodeSize, recordSize, most }, { address: root, records, depth }, found, new Set());
  return found;
}

async function readNode(
  file: Hdf5File,
  tree: TreeShape,
  { address, records, depth }: Node,
  found: Cursor[],
  seen: Set<number>,
): Promise<void> {
  const { nodeSize, recordSize, most } = tree;
  const node = await file.at(address, nodeSize);
  node.signature(depth === 0 ? 'BTLF' : 'BTIN');
  node.skip(2);
  if (found.length + records > most || seen.has(address)) node.fail('has an index that never ends');
  seen.add(address);
  for (let i = 0; i < records; i++) found.push(node.part(recordSize));
  if (depth === 0) return;
  const counts = countSizes(file, tree, depth);
  for (let i = 0; i <= records; i++) {
    const child = { address: node.addressField(), records: node.unsigned(counts.own), depth: depth - 1 };
    if (depth > 1) node.skip(counts.total);
    await readNode(file, tree, child, found, seen);
  }
}

/** Bytes of the numbers of records in a child, and below it: as many as the largest possible numbers take. */
function countSizes(
  file: Hdf5File,
  { nodeSize, recordSize }: TreeShape,
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

/** Bytes that a number up to `most` takes. */
export function bytesFor(most: number): number {
  return Math.max(1, Math.ceil(Math.log2(most + 1) / 8));
}
