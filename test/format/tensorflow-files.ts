import { Buffer } from 'node:buffer';

/** A block of a sorted table: entries of one byte lengths, nothing shared, one restart. */
function block(entries: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = entries.map(([key, value]) =>
    Buffer.concat([Buffer.of(0, key.length, value.length), Buffer.from(key, 'latin1'), value]),
  );
  return Buffer.concat([...parts, Buffer.of(0, 0, 0, 0, 1, 0, 0, 0)]);
}

/** The index of a TensorFlow checkpoint of `w`, two float32: one block of entries, an empty one, the block of the blocks, and the footer. */
export function tensorflowIndex(): Buffer {
  const shape = Buffer.of(0x12, 2, 0x08, 2);
  const tensor = Buffer.concat([Buffer.of(0x08, 1, 0x12, shape.length), shape, Buffer.of(0x28, 8)]);
  const data = block([
    ['', Buffer.of(0x08, 1)],
    ['w', tensor],
  ]);
  const meta = block([]);
  const blocks = block([['~', Buffer.of(0, data.length)]]);
  const trailer = Buffer.alloc(5);
  const at = data.length + 5;
  const footer = Buffer.alloc(48);
  Buffer.of(at, meta.length, at + meta.length + 5, blocks.length).copy(footer);
  Buffer.from('57fb808b247547db', 'hex').copy(footer, 40);
  return Buffer.concat([data, trailer, meta, trailer, blocks, trailer, footer]);
}
