import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder } from './files';

type Value =
  | string
  | number
  | boolean
  | readonly Value[]
  | { readonly [key: string]: Value }
  | Buffer
  | { readonly ext: Buffer };

/** msgpack, in the longest form of every length. */
function pack(value: Value): Buffer {
  const head = (code: number, length: number, bytes = 4) => {
    const buffer = Buffer.alloc(1 + bytes);
    buffer.writeUInt8(code);
    buffer.writeUIntBE(length, 1, bytes);
    return buffer;
  };
  if (Buffer.isBuffer(value)) return Buffer.concat([head(0xc6, value.length), value]);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === 'number') return head(0xce, value);
  if (typeof value === 'string')
    return Buffer.concat([head(0xdb, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(0xdd, value.length), ...value.map(pack)]);
  const held = value as { readonly [key: string]: Value } & { readonly ext?: Buffer };
  if (Buffer.isBuffer(held.ext)) return Buffer.concat([head(0xc9, held.ext.length), Buffer.of(1), held.ext]);
  const items = Object.entries(held).flatMap(([key, part]) => [pack(key), pack(part)]);
  const small = Object.keys(held).length < 16;
  return Buffer.concat([
    small ? Buffer.of(0x80 + Object.keys(held).length) : head(0xdf, items.length / 2),
    ...items,
  ]);
}

function array(shape: readonly number[], dtype: string, data: Buffer): Value {
  return { ext: pack([[...shape], dtype, data]) };
}

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

const STATE: Value = {
  step: 7,
  transformer: { h: { '0': { kernel: array([2, 3], 'float32', floats(1, 2, 3, 4, 5, 6)) } } },
  brain: array([2], 'bfloat16', Buffer.from(Uint16Array.of(0x3fc0, 0xc000).buffer)),
  scalar: array([], 'int32', Buffer.from(Int32Array.of(-5).buffer)),
  large: {
    __msgpack_chunked_array__: true,
    shape: { '0': 2, '1': 2 },
    chunks: { '0': array([3], 'float32', floats(1, 2, 3)), '1': array([1], 'float32', floats(4)) },
  },
};

const folder = temporaryFolder();
const path = paths.join(folder, 'flax_model.msgpack');

test('parameters of Flax have their paths as names, and arrays in parts come together', async () => {
  fs.writeFileSync(path, pack(STATE));
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  const values: Record<string, number[]> = {};
  for (const { name, span } of opened.value.tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok);
    values[`${name} ${span.dtype} [${span.shape.join()}]`] = [...decode(span.dtype, bytes.value, span.count)];
  }
  assert.deepEqual(values, {
    'transformer.h.0.kernel F32 [2,3]': [1, 2, 3, 4, 5, 6],
    'brain BF16 [2]': [1.5, -2],
    'scalar I32 []': [-5],
    'large F32 [2,2]': [1, 2, 3, 4],
  });
  assert.deepEqual([opened.value.container, opened.value.metadata], ['Flax', { step: '7' }]);
});

test('a download that broke off says how many bytes are missing', async () => {
  const whole = pack({ a: array([4], 'float32', floats(1, 2, 3, 4)) });
  fs.writeFileSync(path, whole.subarray(0, whole.length - 6));
  const opened = await openCheckpoint(path);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.code, 'file-truncated');
  assert.match(opened.problem.message, /is 6 bytes short/);
});

test('arrays whose bytes do not fit their shape, and lists beyond the file, are refused', async () => {
  for (const value of [{ a: array([3], 'float32', floats(1)) }, { a: { ext: pack(['x']) } }]) {
    fs.writeFileSync(path, pack(value));
    const opened = await openCheckpoint(path);
    assert.equal(opened.ok ? '' : opened.problem.code, 'msgpack-malformed');
  }
  fs.writeFileSync(
    path,
    Buffer.concat([Buffer.of(0x81), pack('a'), Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff)]),
  );
  const long = await openCheckpoint(path);
  assert.equal(long.ok ? '' : long.problem.code, 'msgpack-malformed');
});

test('damaged files give a problem or a checkpoint, never an exception', async () => {
  const whole = pack(STATE);
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const bytes = Buffer.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      fs.writeFileSync(path, bytes);
      const opened = await openCheckpoint(path);
      if (!opened.ok) assert.notEqual(opened.problem.code, 'internal-error', opened.problem.message);
      else for (const { span } of opened.value.tensors) assert.ok((await readSpan(span)).ok);
    }),
    { numRuns: 300 },
  );
});
