import { readChunkEntry, type ChunkShape, type Hdf5Chunk } from './chunks';
import type { Cursor, Hdf5File } from './file';
import { isSet } from './fixed-array';

/** What the header of an extensible array says of it. */
interface ArrayShape {
  readonly header: number;
  readonly entryBytes: number;
  /** Bytes of a number of an entry. */
  readonly numberBytes: number;
  /** Entries in the index block. */
  readonly first: number;
  /** Entries of the smallest data block. */
  readonly smallest: number;
  /** Groups of data blocks, of which the first `direct` have their addresses in the index block. */
  readonly groups: number;
  readonly direct: number;
  readonly pageEntries: number;
}

/** Entries as they are found, with the number of each. */
type Take = (number: number, entries: Cursor, count: number) => void;

/**
 * Chunks in an extensible array (specification VII.D): of datasets that may grow along one axis without a limit. Group u of
 * its data blocks has 2^⌊u/2⌋ blocks of 2^⌈u/2⌉ times the smallest number of entries; the first groups are listed in the index block, the others
 * in a block of their own each. Every block says which of the entries it begins with, which is checked: none is read twice.
 */
export async function chunksOfExtensibleArray(
  file: Hdf5File,
  address: number,
  shape: ChunkShape,
): Promise<readonly Hdf5Chunk[]> {
  const { addressBytes, lengthBytes } = file;
  const head = await file.at(address, 12 + 6 * lengthBytes + addressBytes);
  const array = readHead(head, address);
  head.skip(6 * lengthBytes);
  const index = head.addressField();
  if (!Number.isFinite(index)) return [];
  const chunks: Hdf5Chunk[] = [];
  const placeOf = placesAlongGrowth(shape);
  await readIndexBlock(file, index, array, (number, entries, count) => {
    for (let i = 0; i < count; i++) {
      const chunk = readChunkEntry(entries.part(array.entryBytes), placeOf(number + i), shape);
      if (chunk !== null) chunks.push(chunk);
    }
  });
  return chunks;
}

function readHead(head: Cursor, header: number): ArrayShape {
  head.signature('EAHD');
  head.skip(2);
  const [entryBytes, bits, first, smallest, pointers, pageBits] = [
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
  ];
  const isPower = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));
  const groups = 1 + bits - Math.log2(smallest);
  const direct = 2 * Math.log2(pointers);
  if (entryBytes < 8 || !isPower(smallest) || !isPower(pointers) || bits > 64 || groups < direct)
    head.fail('has an array of chunks of impossible sizes');
  const numberBytes = Math.ceil(bits / 8);
  const pageEntries = 2 ** Math.min(pageBits, 31);
  return { header, entryBytes, numberBytes, first, smallest, groups, direct, pageEntries };
}

async function readIndexBlock(file: Hdf5File, at: number, array: ArrayShape, take: Take): Promise<void> {
  const { first, entryBytes, groups, direct } = array;
  const blocks = Array.from({ length: direct }, (_, u) => blocksOf(u)).reduce((sum, count) => sum + count, 0);
  const { addressBytes } = file;
  const length = 6 + addressBytes + first * entryBytes + (blocks + groups - direct) * addressBytes;
  const block = await file.at(at, length);
  readPrefix(block, 'EAIB', array);
  take(0, block.part(first * entryBytes), first);
  let number = first;
  let blocksBefore = 0;
  for (let u = 0; u < groups; u++) {
    const entries = entriesOf(array, u);
    if (u < direct) {
      // The library counts from the start of the group, and all blocks of the groups before it once more.
      const said = number - first + blocksBefore * entries;
      for (let i = 0; i < blocksOf(u); i++) {
        const data = { number: number + i * entries, said: said + i * entries, entries, written: null };
        await readDataBlock(file, block.addressField(), array, data, take);
      }
    } else {
      await readSecondaryBlock(file, block.addressField(), array, { number, group: u }, take);
    }
    number += blocksOf(u) * entries;
    blocksBefore += blocksOf(u);
  }
}

async function readSecondaryBlock(
  file: Hdf5File,
  at: number,
  array: ArrayShape,
  { number, group }: { readonly number: number; readonly group: number },
  take: Take,
): Promise<void> {
  if (!Number.isFinite(at)) return;
  const [blocks, entries] = [blocksOf(group), entriesOf(array, group)];
  const pages = entries > array.pageEntries ? entries / array.pageEntries : 0;
  const bitBytes = blocks * Math.ceil(pages / 8);
  const { addressBytes } = file;
  const block = await file.at(at, 6 + addressBytes + array.numberBytes + bitBytes + blocks * addressBytes);
  const said = number - array.first;
  readPrefix(block, 'EASB', array, said);
  // The bits of all blocks without gaps, in bytes enough for each block to begin with one of its own.
  const bits = block.raw(bitBytes);
  for (let i = 0; i < blocks; i++) {
    const written = pages === 0 ? null : (page: number) => isSet(bits, i * pages + page);
    const data = { number: number + i * entries, said: said + i * entries, entries, written };
    await readDataBlock(file, block.addressField(), array, data, take);
  }
}

interface DataBlock {
  /** Number of its first entry, and what stands for that in it. */
  readonly number: number;
  readonly said: number;
  readonly entries: number;
  /** Which pages were written; `null` for a block without pages. */
  readonly written: ((page: number) => boolean) | null;
}

async function readDataBlock(
  file: Hdf5File,
  at: number,
  array: ArrayShape,
  { number, said, entries, written }: DataBlock,
  take: Take,
): Promise<void> {
  if (!Number.isFinite(at)) return;
  const { entryBytes, pageEntries, numberBytes } = array;
  const prefix = 6 + file.addressBytes + numberBytes;
  const checksums = written === null ? 0 : 4 * (entries / pageEntries);
  const block = await file.at(at, prefix + checksums + entries * entryBytes);
  readPrefix(block, 'EADB', array, said);
  if (written === null) {
    take(number, block.part(entries * entryBytes), entries);
    return;
  }
  for (let page = 0; page < entries / pageEntries; page++) {
    // A checksum stands before the first page and behind each.
    block.skip(4);
    const part = block.part(pageEntries * entryBytes);
    if (written(page)) take(number + page * pageEntries, part, pageEntries);
  }
}

/** Signature, version, kind, address of the header, and for all but the index block the number of its first entry. */
function readPrefix(block: Cursor, signature: string, array: ArrayShape, said?: number): void {
  block.signature(signature);
  block.skip(2);
  const header = block.addressField();
  const isOwn = said === undefined || block.unsigned(array.numberBytes) === said;
  if (header !== array.header || !isOwn) block.fail('has a block of another array of chunks');
}

function blocksOf(group: number): number {
  return 2 ** Math.floor(group / 2);
}

function entriesOf({ smallest }: ArrayShape, group: number): number {
  return smallest * 2 ** Math.ceil(group / 2);
}

/**
 * From the number of a chunk to its first element: chunks are counted in C order with the axis that grows as the slowest, and the
 * others as long as they may become.
 */
function placesAlongGrowth({ most, chunk }: ChunkShape): (number: number) => readonly number[] {
  const counts = most.map((length, axis) => Math.ceil(length / (chunk[axis] ?? 1)));
  const grown = Math.max(0, counts.indexOf(Number.POSITIVE_INFINITY));
  return (number) => {
    const from = chunk.map(() => 0);
    let rest = number;
    for (let axis = chunk.length - 1; axis >= 0; axis--) {
      if (axis === grown) continue;
      const count = counts[axis] ?? 1;
      from[axis] = (rest % count) * (chunk[axis] ?? 1);
      rest = Math.floor(rest / count);
    }
    from[grown] = rest * (chunk[grown] ?? 1);
    return from;
  };
}
