import { Buffer } from 'node:buffer';
import type { OpenFile } from './read';
import { unsnappy } from './snappy';

/** Last eight bytes of a table of LevelDB, and of TensorFlow's, which is the same. */
export const TABLE_MAGIC = Buffer.from('57fb808b247547db', 'hex');
const FOOTER = 48;
/** After the contents of every block: how it is packed, and a checksum. */
const TRAILER = 5;
const LARGEST_BLOCK = 2 ** 26;
const MOST_ENTRIES = 2_000_000;

/** A key (bytes, as latin1) with its value. */
export interface TableEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Why a table cannot be read, as a clause, and where. */
export class TableError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/**
 * All entries of a sorted table (LevelDB, "table_format.md"): footer, index block, data blocks, packed by Snappy or not.
 * `null` where the file could not be read. Throws {@link TableError}.
 */
export async function readTable(file: OpenFile): Promise<readonly TableEntry[]> {
  if (file.bytes < FOOTER) throw new TableError('is too short for a table', file.bytes);
  const footerStart = file.bytes - FOOTER;
  const footer = await bytesAt(file, footerStart, FOOTER);
  if (!TABLE_MAGIC.equals(footer.subarray(FOOTER - 8)))
    throw new TableError('does not end as a table does', footerStart);
  const handles = new Varints(footer, footerStart);
  handles.next();
  handles.next();
  const index = await readBlock(file, { offset: handles.next(), bytes: handles.next() });
  const entries: TableEntry[] = [];
  let end = 0;
  for (const { value } of index) {
    const handle = new Varints(value, footerStart);
    const [offset, bytes] = [handle.next(), handle.next()];
    // Blocks follow each other: so none is read twice, however many handles name it.
    if (offset < end) throw new TableError('has blocks that overlap', offset);
    end = offset + bytes;
    for (const entry of await readBlock(file, { offset, bytes })) entries.push(entry);
    if (entries.length > MOST_ENTRIES) throw new TableError('has more entries than any checkpoint', offset);
  }
  return entries;
}

async function bytesAt(file: OpenFile, offset: number, length: number): Promise<Buffer> {
  const read = await file.read(offset, length);
  if (!read.ok) throw new TableError('could not be read', offset);
  return Buffer.from(read.value.buffer, read.value.byteOffset, read.value.length);
}

async function readBlock(
  file: OpenFile,
  { offset, bytes }: { readonly offset: number; readonly bytes: number },
): Promise<readonly TableEntry[]> {
  if (bytes > LARGEST_BLOCK || offset + bytes + TRAILER > file.bytes)
    throw new TableError('has a block outside of it', offset);
  const stored = await bytesAt(file, offset, bytes + TRAILER);
  const packing = stored[bytes];
  const contents = stored.subarray(0, bytes);
  const block = packing === 0 ? contents : packing === 1 ? unsnappy(contents, LARGEST_BLOCK) : null;
  if (block === null || block.length < 4) throw new TableError('has a block that cannot be unpacked', offset);
  return entriesOf(Buffer.from(block.buffer, block.byteOffset, block.length), offset);
}

/** Keys share their beginnings with the one before. */
function entriesOf(block: Buffer, at: number): readonly TableEntry[] {
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4);
  if (end < 0) throw new TableError('has a block that contradicts itself', at);
  const cursor = new Varints(block.subarray(0, end), at);
  const entries: TableEntry[] = [];
  let key = '';
  // Long keys that share all with the one before would take memory of the square of the file.
  let letters = 0;
  while (cursor.left > 0) {
    const [shared, own, length] = [cursor.next(), cursor.next(), cursor.next()];
    if (shared > key.length) throw new TableError('has a block that contradicts itself', at);
    key = key.slice(0, shared) + cursor.raw(own).toString('latin1');
    letters += key.length;
    if (letters > LARGEST_BLOCK) throw new TableError('has keys beyond all bounds', at);
    entries.push({ key, value: cursor.raw(length) });
  }
  return entries;
}

/** Whole numbers of protocol buffers and tables: seven bits a byte, the lowest first. */
export class Varints {
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly address: number,
  ) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The next number; beyond 2⁵³ rounded. */
  next(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || factor > 2 ** 63)
        throw new TableError('has a number that breaks off', this.address);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  raw(length: number): Buffer {
    if (!(length >= 0 && length <= this.left))
      throw new TableError('has a value that breaks off', this.address);
    const start = this.at;
    this.at += length;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length);
  }
}
