import type { Cursor, Hdf5File } from './file';
import { openFractalHeap } from './fractal-heap';
import { recordsOfTree } from './tree-2';

const MOST_RECORDS = 1_000_000;
const LINKS_BY_NAME = 5;
const ATTRIBUTES_BY_NAME = 8;

/**
 * The link messages of a group with many members, or with their order of creation: a fractal heap holds them, a tree by name says
 * where. `info` is the link info message (specification IV.A.2.c).
 */
export async function denseLinks(file: Hdf5File, info: Cursor): Promise<readonly Cursor[]> {
  info.u8();
  if ((info.u8() & 1) !== 0) info.skip(8);
  // A record: a hash of four bytes, then the id in the heap.
  return objectsByName(file, info, LINKS_BY_NAME, (record) => {
    record.skip(4);
    return record;
  });
}

/**
 * The attribute messages of an object with many attributes or long ones, kept like links. `info` is the attribute info message
 * (specification IV.A.2.v). Messages that are shared by objects are passed over.
 */
export async function denseAttributes(file: Hdf5File, info: Cursor): Promise<readonly Cursor[]> {
  info.u8();
  if ((info.u8() & 1) !== 0) info.skip(2);
  // A record: the id of eight bytes, flags of the message, order of creation, hash.
  return objectsByName(file, info, ATTRIBUTES_BY_NAME, (record) => {
    const id = record.part(8);
    return (record.u8() & 2) === 0 ? id : null;
  });
}

async function objectsByName(
  file: Hdf5File,
  info: Cursor,
  type: number,
  idOf: (record: Cursor) => Cursor | null,
): Promise<readonly Cursor[]> {
  const heapAt = info.addressField();
  const treeAt = info.addressField();
  if (!Number.isFinite(heapAt) || !Number.isFinite(treeAt)) return [];
  const heap = await openFractalHeap(file, heapAt);
  const found: Cursor[] = [];
  for (const record of await recordsOfTree(file, treeAt, type, MOST_RECORDS)) {
    const id = idOf(record);
    if (id !== null) found.push(await heap(id));
  }
  return found;
}
