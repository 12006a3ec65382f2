import { denseAttributes } from './dense-storage';
import { readDataspace, readDatatype } from './datatype';
import { textOf, type Cursor, type Hdf5File } from './file';
import { MESSAGE, type HeaderMessage } from './object-header';

/** Texts of more bytes than this are no names. */
const LONGEST = 2 ** 26;
const MOST_TEXTS = 1_000_000;

/**
 * Attributes that are text, by name: one text or a list (Keras: `layer_names`, `weight_names`, `backend`), in the object's header
 * or, where there are many or long ones, in a heap. Others are passed over.
 */
export async function readTexts(
  file: Hdf5File,
  messages: readonly HeaderMessage[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const texts = new Map<string, readonly string[]>();
  for (const { type, body } of messages) {
    const found =
      type === MESSAGE.attribute
        ? [body]
        : type === MESSAGE.attributeInfo
          ? await denseAttributes(file, body)
          : [];
    for (const attribute of found) {
      const { name, value } = await readAttribute(file, attribute);
      if (value !== null) texts.set(name, value);
    }
  }
  return texts;
}

async function readAttribute(
  file: Hdf5File,
  cursor: Cursor,
): Promise<{ readonly name: string; readonly value: readonly string[] | null }> {
  const version = cursor.u8();
  const isShared = cursor.u8() !== 0 && version > 1;
  const sizes = [cursor.u16(), cursor.u16(), cursor.u16()] as const;
  if (version === 3) cursor.u8();
  // Version 1 pads each of the three to eight bytes.
  const [nameSize, typeSize, spaceSize] =
    version === 1 ? sizes.map((size) => Math.ceil(size / 8) * 8) : sizes;
  const name = textOf(cursor.raw(nameSize ?? 0));
  if (isShared) return { name, value: null };
  const datatype = readDatatype(cursor.part(typeSize ?? 0));
  const space = readDataspace(cursor.part(spaceSize ?? 0));
  const count = space === null ? 0 : space.shape.reduce((product, length) => product * length, 1);
  if (!(count <= MOST_TEXTS)) return { name, value: null };
  const value: string[] = [];
  if (datatype.kind === 'text') {
    for (let i = 0; i < count; i++) value.push(textOf(cursor.raw(datatype.size)));
  } else if (datatype.kind === 'variable-text') {
    for (let i = 0; i < count; i++) value.push(await variableText(file, cursor));
  } else return { name, value: null };
  return { name, value };
}

/** A text in a global heap (specification III.E): its length, the heap's address, its number in it. */
async function variableText(file: Hdf5File, cursor: Cursor): Promise<string> {
  const length = cursor.u32();
  const heap = cursor.addressField();
  const index = cursor.u32();
  if (length === 0 || heap === 0) return '';
  if (length > LONGEST) cursor.fail('has a text beyond all bounds');
  const head = await file.at(heap, 8 + file.lengthBytes);
  head.signature('GCOL');
  head.skip(4);
  const collection = await file.at(heap, head.length());
  collection.skip(8 + file.lengthBytes);
  while (collection.left >= 8 + file.lengthBytes) {
    const number = collection.u16();
    collection.skip(6);
    const size = collection.length();
    if (number === 0) break;
    const bytes = collection.raw(size);
    if (number === index) return textOf(bytes.subarray(0, length));
    collection.skip(Math.min(collection.left, (8 - (size % 8)) % 8));
  }
  return cursor.fail('names a text that is not there');
}
