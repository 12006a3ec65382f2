import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { unsnappy } from '../../src/format/snappy';
import { sliceKey } from '../../src/format/tensorflow-bundle';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder } from './files';

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.of(...bytes, rest);
    bytes.push((rest % 128) + 128);
  }
}

/** A field of protocol buffers: a number, or bytes with their length. */
function field(number: number, value: number | Buffer): Buffer {
  return typeof value === 'number'
    ? Buffer.concat([varint(number * 8), varint(value)])
    : Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
}

function block(entries: readonly (readonly [key: string, value: Buffer])[]): Buffer {
  let before = '';
  const parts = entries.map(([key, value]) => {
    let shared = 0;
    while (shared < before.length && before[shared] === key[shared]) shared++;
    before = key;
    const own = Buffer.from(key.slice(shared), 'latin1');
    return Buffer.concat([varint(shared), varint(own.length), varint(value.length), own, value]);
  });
  const restarts = Buffer.alloc(8);
  restarts.writeUInt32LE(1, 4);
  return Buffer.concat([...parts, restarts]);
}

/** Snappy without copies: a length, then literals. */
function literally(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 60) {
    const part = bytes.subarray(at, at + 60);
    parts.push(Buffer.of((part.length - 1) << 2), part);
  }
  return Buffer.concat(parts);
}

function table(entries: readonly (readonly [string, Buffer])[], packed: boolean): Buffer {
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const trailer = (type: number) => Buffer.of(type, 0, 0, 0, 0);
  const half = Math.ceil(sorted.length / 2);
  const blocks = [sorted.slice(0, half), sorted.slice(half)]
    .map(block)
    .map((each) => (packed ? literally(each) : each));
  const handles: Buffer[] = [];
  let at = 0;
  const data = blocks.flatMap((each) => {
    handles.push(Buffer.concat([varint(at), varint(each.length)]));
    at += each.length + 5;
    return [each, trailer(packed ? 1 : 0)];
  });
  const meta = block([]);
  const index = block(handles.map((handle, i) => [`~${String(i)}`, handle]));
  const footer = Buffer.alloc(48);
  Buffer.concat([varint(at), varint(meta.length), varint(at + meta.length + 5), varint(index.length)]).copy(
    footer,
  );
  Buffer.from('57fb808b247547db', 'hex').copy(footer, 40);
  return Buffer.concat([...data, meta, trailer(0), index, trailer(0), footer]);
}

interface Given {
  readonly dtype?: number;
  readonly shape: readonly number[];
  readonly shard?: number;
  readonly offset?: number;
  readonly bytes?: number;
  readonly slices?: readonly Buffer[];
}

function entry({ dtype = 1, shape, shard = 0, offset = 0, bytes, slices = [] }: Given): Buffer {
  const size = shape.reduce((product, length) => product * length, 4);
  const dims = shape.map((length) => field(2, field(1, length)));
  return Buffer.concat([
    field(1, dtype),
    field(2, Buffer.concat(dims)),
    field(3, shard),
    field(4, offset),
    field(5, bytes ?? size),
    ...slices.map((slice) => field(7, slice)),
  ]);
}

const header = (shards: number, big = 0) => Buffer.concat([field(1, shards), field(2, big)]);
const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

function checkpoint(
  entries: readonly (readonly [string, Buffer])[],
  data: readonly Buffer[],
  packed = false,
): string {
  const folder = temporaryFolder();
  const count = String(data.length).padStart(5, '0');
  fs.writeFileSync(paths.join(folder, 'variables.index'), table(entries, packed));
  for (const [shard, bytes] of data.entries()) {
    const name = `variables.data-${String(shard).padStart(5, '0')}-of-${count}`;
    fs.writeFileSync(paths.join(folder, name), bytes);
  }
  return paths.join(folder, 'variables.index');
}

async function valuesOf(path: string): Promise<Record<string, number[]>> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  const values: Record<string, number[]> = {};
  for (const { name, span } of opened.value.tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok);
    values[name] = [...decode(span.dtype, bytes.value, span.count)];
  }
  return values;
}

const KERNEL = 'layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE';
const ENTRIES: readonly (readonly [string, Buffer])[] = [
  ['', header(2)],
  ['_CHECKPOINTABLE_OBJECT_GRAPH', entry({ dtype: 7, shape: [], bytes: 3 })],
  [KERNEL, entry({ shape: [2, 2], offset: 4 })],
  ['bert/encoder/layer_0/bias', entry({ shape: [2], shard: 1 })],
];
const DATA = [floats(9, 1, 2, 3, 4), floats(5, 6)];

test('variables by object and by name are read from their data files, whether the index is packed or not', async () => {
  for (const packed of [false, true]) {
    const index = checkpoint(ENTRIES, DATA, packed);
    const expected = { 'bert.encoder.layer_0.bias': [5, 6], 'layer_with_weights-0.kernel': [1, 2, 3, 4] };
    assert.deepEqual(await valuesOf(index), expected);
    assert.deepEqual(await valuesOf(index.replace('.index', '.data-00001-of-00002')), expected);
    const opened = await openCheckpoint(index);
    assert.deepEqual(opened.ok && opened.value.findings.map(({ code }) => code), ['tensors-left-out']);
  }
});

test('partitioned variables come together, and numbers of big-endian machines are turned', async () => {
  const extent = (start: number, length: number) =>
    field(1, Buffer.concat([field(1, start), field(2, length)]));
  const whole = field(1, Buffer.alloc(0));
  // As TensorFlow has them: 0x80 + n for 0 … 63, two bytes from 64 on, the whole axis is start 0 and length −1.
  const key = (start: string, length: string) => `\0part\0\x01\x01\x02${start}${length}\x80\x7f`;
  assert.equal(
    sliceKey('part', [
      { start: 0, length: 1 },
      { start: 0, length: -1 },
    ]),
    key('\x80', '\x81'),
  );
  assert.equal(
    sliceKey('part', [
      { start: 64, length: 300 },
      { start: 0, length: -1 },
    ]),
    key('\xc0\x40', '\xc1\x2c'),
  );
  const big = Buffer.from(floats(1, 2, 3, 4, 5, 6)).swap32();
  const index = checkpoint(
    [
      ['', header(1, 1)],
      [
        'part',
        entry({
          shape: [3, 2],
          slices: [Buffer.concat([extent(0, 1), whole]), Buffer.concat([extent(1, 2), whole])],
        }),
      ],
      [key('\x80', '\x81'), entry({ shape: [1, 2] })],
      [key('\x81', '\x82'), entry({ shape: [2, 2], offset: 8 })],
    ],
    [big],
  );
  assert.deepEqual(await valuesOf(index), { part: [1, 2, 3, 4, 5, 6] });
});

test('data files that are missing or too short are refused, and so are sizes that do not fit', async () => {
  const codeOf = async (path: string) => {
    const opened = await openCheckpoint(path);
    return opened.ok ? '' : opened.problem.code;
  };
  assert.equal(await codeOf(checkpoint(ENTRIES, DATA.slice(0, 1))), 'shard-missing');
  assert.equal(await codeOf(checkpoint(ENTRIES, [floats(1, 2), floats(5, 6)])), 'file-truncated');
  assert.equal(
    await codeOf(
      checkpoint(
        [
          ['', header(1)],
          ['a', entry({ shape: [2], bytes: 4 })],
        ],
        DATA.slice(0, 1),
      ),
    ),
    'tensor-size',
  );
});

test('copies of Snappy may overlap what they make, and no block makes more than it may', () => {
  // Twelve letters: the literal "ab", then a copy of ten from two before.
  const packed = Buffer.of(12, 1 << 2, 0x61, 0x62, ((10 - 4) << 2) | 1, 2);
  assert.equal(Buffer.from(unsnappy(packed, 100) ?? []).toString(), 'abababababab');
  assert.equal(unsnappy(packed, 11), null);
  assert.equal(unsnappy(Buffer.of(12, 1 << 2, 0x61, 0x62, 0x19, 3), 100), null);
});

test('damaged indexes give a problem or a checkpoint, never an exception', async () => {
  const path = checkpoint(ENTRIES, DATA, true);
  const whole = fs.readFileSync(path);
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
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
