import { type Cursor, type Hdf5File } from './file';

/** Messages of an object header that are read, by their numbers. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** One message of an object header. */
export interface HeaderMessage {
  readonly type: number;
  readonly body: Cursor;
}

const MOST_MESSAGES = 100_000;
const MOST_BLOCKS = 1000;
const SHARED = 2;

/** All messages of the object at an address (specification IV.A), with those that other headers share. */
export async function readObjectHeader(file: Hdf5File, address: number): Promise<readonly HeaderMessage[]> {
  return readHeader(file, address, true);
}

async function readHeader(
  file: Hdf5File,
  address: number,
  follow: boolean,
): Promise<readonly HeaderMessage[]> {
  const start = await file.at(address, Math.min(64, file.bytes - address));
  const isNew = Buffer.from(start.bytes.subarray(0, 4)).toString('latin1') === 'OHDR';
  const prefix = isNew ? newPrefix(start) : oldPrefix(start);
  const messages: HeaderMessage[] = [];
  const blocks = [{ at: address + start.position, length: prefix.length, plain: true }];
  for (let block = 0; block < blocks.length; block++) {
    const { at, length, plain } = blocks[block] ?? { at: 0, length: 0, plain: true };
    if (blocks.length > MOST_BLOCKS) start.fail('has an object header that never ends');
    const cursor = await file.at(at, length);
    if (!plain && isNew) cursor.signature('OCHK');
    // Blocks of continuation of the new form end with a checksum.
    const end = !plain && isNew ? 4 : 0;
    while (cursor.left - end >= (isNew ? (prefix.ordered ? 6 : 4) : 8)) {
      const message = nextMessage(cursor, isNew, prefix.ordered);
      if (message.type === MESSAGE.continuation) {
        blocks.push({ at: message.body.addressField(), length: message.body.length(), plain: false });
        continue;
      }
      if (messages.length >= MOST_MESSAGES) cursor.fail('has an object header that never ends');
      if ((message.flags & SHARED) === 0) messages.push(message);
      else if (follow) messages.push(await sharedMessage(file, message));
    }
  }
  return messages;
}

interface Prefix {
  readonly length: number;
  /** Messages have two bytes more, of their order of creation. */
  readonly ordered: boolean;
}

function oldPrefix(cursor: Cursor): Prefix {
  if (cursor.u8() !== 1) cursor.fail('has no object header where one should be');
  cursor.skip(7);
  const length = cursor.u32();
  cursor.skip(4);
  return { length, ordered: false };
}

function newPrefix(cursor: Cursor): Prefix {
  cursor.skip(5);
  const flags = cursor.u8();
  if ((flags & 0x20) !== 0) cursor.skip(16);
  if ((flags & 0x10) !== 0) cursor.skip(4);
  return { length: cursor.unsigned(1 << (flags & 3)), ordered: (flags & 4) !== 0 };
}

function nextMessage(cursor: Cursor, isNew: boolean, ordered: boolean): HeaderMessage & { flags: number } {
  const type = isNew ? cursor.u8() : cursor.u16();
  const size = cursor.u16();
  const flags = cursor.u8();
  cursor.skip(isNew ? (ordered ? 2 : 0) : 3);
  return { type, flags, body: cursor.part(size) };
}

/** A message that stands in another object's header: a named datatype. */
async function sharedMessage(file: Hdf5File, { type, body }: HeaderMessage): Promise<HeaderMessage> {
  const version = body.u8();
  body.u8();
  if (version === 1) body.skip(6);
  const found = await readHeader(file, body.addressField(), false);
  return found.find((message) => message.type === type) ?? body.fail('shares a message that is not there');
}
