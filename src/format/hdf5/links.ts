import { denseLinks } from './dense-storage';
import { textOf, type Cursor, type Hdf5File } from './file';
import { MESSAGE, type HeaderMessage } from './object-header';

/** A member of a group. */
export interface Hdf5Link {
  readonly name: string;
  readonly address: number;
  /** When it was made, where the group keeps that. */
  readonly order: number | null;
}

const MOST_NODES = 1_000_000;
const HARD = 0;

/**
 * Members of a group: from its symbol table (specification III.A to III.D) by name, or from link messages (IV.A.2.g); in
 * the order in which they were made where that is known, else by name. Soft and external links are passed over: nothing outside of the file is ever read.
 */
export async function readLinks(
  file: Hdf5File,
  messages: readonly HeaderMessage[],
): Promise<readonly Hdf5Link[]> {
  const links: Hdf5Link[] = [];
  for (const { type, body } of messages) {
    if (type === MESSAGE.symbolTable) {
      const [tree, heap] = [body.addressField(), body.addressField()];
      if (Number.isFinite(tree)) await readSymbolTable(file, tree, await openHeap(file, heap), links);
    } else if (type === MESSAGE.link) {
      const link = readLinkMessage(body);
      if (link !== null) links.push(link);
    } else if (type === MESSAGE.linkInfo) {
      for (const record of await denseLinks(file, body)) {
        const link = readLinkMessage(record);
        if (link !== null) links.push(link);
      }
    }
  }
  return links.sort((a, b) => (a.order ?? 0) - (b.order ?? 0) || (a.name < b.name ? -1 : 1));
}

/** `null` where the link is none to an object of the file. */
function readLinkMessage(cursor: Cursor): Hdf5Link | null {
  if (cursor.u8() !== 1) cursor.fail('has a link of an unknown version');
  const flags = cursor.u8();
  const type = (flags & 8) === 0 ? HARD : cursor.u8();
  const order = (flags & 4) === 0 ? null : cursor.unsigned(8);
  if ((flags & 0x10) !== 0) cursor.u8();
  const name = textOf(cursor.raw(cursor.unsigned(1 << (flags & 3))));
  return type === HARD ? { name, address: cursor.addressField(), order } : null;
}

/** The data segment of a local heap, in which names lie. */
async function openHeap(file: Hdf5File, address: number): Promise<Cursor> {
  const head = await file.at(address, 8 + 2 * file.lengthBytes + file.addressBytes);
  head.signature('HEAP');
  head.skip(4);
  const size = head.length();
  head.length();
  return file.at(head.addressField(), size);
}

async function readSymbolTable(file: Hdf5File, root: number, heap: Cursor, links: Hdf5Link[]): Promise<void> {
  const waiting = [root];
  for (let nodes = 0; waiting.length > 0; nodes++) {
    const address = waiting.pop() ?? 0;
    if (nodes > MOST_NODES) heap.fail('has a group that never ends');
    const head = await file.at(address, 8);
    if (Buffer.from(head.bytes.subarray(0, 4)).toString('latin1') === 'SNOD') {
      await readSymbols(file, address, heap, links);
      continue;
    }
    head.signature('TREE');
    head.skip(2);
    const count = head.u16();
    const { addressBytes, lengthBytes } = file;
    const node = await file.at(address, 8 + 2 * addressBytes + count * (addressBytes + lengthBytes));
    node.skip(8 + 2 * addressBytes);
    const children: number[] = [];
    for (let i = 0; i < count; i++) {
      node.length();
      children.push(node.addressField());
    }
    waiting.push(...children.reverse());
  }
}

async function readSymbols(file: Hdf5File, address: number, heap: Cursor, links: Hdf5Link[]): Promise<void> {
  const head = await file.at(address, 8);
  head.skip(6);
  const count = head.u16();
  const size = 2 * file.addressBytes + 24;
  const node = await file.at(address + 8, count * size);
  for (let i = 0; i < count; i++) {
    const entry = node.part(size);
    const nameAt = entry.addressField();
    const object = entry.addressField();
    // 2: a soft link, whose target is a path.
    if (entry.u32() === 2) continue;
    if (!(nameAt < heap.bytes.length)) entry.fail('has a name outside of its heap');
    if (links.length >= MOST_NODES) entry.fail('has a group that never ends');
    links.push({ name: textOf(heap.bytes.subarray(nameAt)), address: object, order: null });
  }
}
