import { Buffer } from 'node:buffer';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(0xa0 + value.length), Buffer.from(value)]);
}

/** An array as Flax has it: an extension of type 1 around `[shape, dtype, bytes]`. */
function array(shape: readonly number[], type: string, bytes: Buffer): Buffer {
  const inner = Buffer.concat([
    Buffer.of(0x93, 0x90 + shape.length, ...shape),
    text(type),
    Buffer.of(0xc4, bytes.length),
    bytes,
  ]);
  return Buffer.concat([Buffer.of(0xc7, inner.length, 1), inner]);
}

function map(items: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(items).flatMap(([key, value]) => [text(key), value]);
  return Buffer.concat([Buffer.of(0x80 + parts.length / 2), ...parts]);
}

/** The msgpack of Flax. */
export const flax: FuzzTarget = {
  name: 'flax',
  modules: /format\/(?:flax|msgpack)\.ts$/,
  seeds: () => [
    map({
      params: map({
        kernel: array([2, 3], 'float32', Buffer.alloc(24, 1)),
        bias: array([3], 'bfloat16', Buffer.alloc(6)),
      }),
      step: Buffer.of(0xcd, 1, 0),
    }),
    map({
      w: array([1], 'int8', Buffer.of(5)),
      more: Buffer.concat([Buffer.of(0xdc, 0, 2), text('a'), Buffer.of(0xc0)]),
    }),
  ],
  run: (bytes) => openFiles('flax_model.msgpack', { 'flax_model.msgpack': bytes }),
};
