import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { suite } from 'node:test';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { readSpan } from '../../src/format/read';
import { OpenFiles } from '../../src/tensor/open-files';
import { spanKey, type TensorSpan } from '../../src/tensor/span';
import { readStored } from '../../src/tensor/stored/registry';
import type { Stored } from '../../src/tensor/stored/stored';

function bytesInMemory(bytes: Uint8Array): TensorSpan {
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return {
    path: 'memory',
    offset: 0,
    bytes: bytes.length,
    dtype: 'U8',
    shape: [bytes.length],
    count: bytes.length,
    memory,
  };
}

/** Little-endian elements of 4 bytes, each its own number. */
function numbered(count: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i * 1_000_003 + 7).buffer);
}

function spanOf(stored: Stored, shape: readonly number[]): TensorSpan {
  const count = shape.reduce((product, length) => product * length, 1);
  return { path: 'memory', offset: 0, bytes: count * 4, dtype: 'U32', shape, count, stored };
}

/** Every part of the span reads as that part of the whole. */
function assertReads(span: TensorSpan, expected: Uint8Array, at: number, length: number): void {
  const files = new OpenFiles();
  const [first, end] = [Math.min(at, expected.length), Math.min(at + length, expected.length)];
  const target = new Uint8Array(end - first);
  assert.equal(files.read(span, first, target), null);
  assert.deepEqual(target, expected.slice(first, end));
  files.close();
}

const PLACE = { label: 'U32', offset: 0, bytes: 0 };
const PART = { at: fc.nat(600), length: fc.nat(600) };

suite('Tensors stored in another form', () => {
  test('big-endian elements come out little-endian, from any byte on', () => {
    fc.assert(
      fc.property(
        fc.record({ ...PART, count: fc.integer({ min: 1, max: 100 }) }),
        ({ at, length, count }) => {
          const expected = numbered(count);
          const turned = Buffer.from(expected).swap32();
          const span = spanOf({ ...PLACE, kind: 'swapped', size: 4, source: bytesInMemory(turned) }, [count]);
          assertReads(span, expected, at, length);
        },
      ),
    );
  });

  test('a view with strides comes out in C order, as counted by hand', () => {
    const axes = fc.array(fc.record({ length: fc.integer({ min: 1, max: 5 }), stride: fc.nat(7) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.record({ ...PART, axes, start: fc.nat(4) }), ({ at, length, axes, start }) => {
        const shape = axes.map((axis) => axis.length);
        const strides = axes.map((axis) => axis.stride);
        const source = numbered(
          start + 1 + axes.reduce((sum, axis) => sum + (axis.length - 1) * axis.stride, 0),
        );
        let places = [start];
        for (const axis of axes) {
          places = places.flatMap((place) =>
            Array.from({ length: axis.length }, (_, i) => place + i * axis.stride),
          );
        }
        const expected = Buffer.concat(places.map((place) => source.subarray(place * 4, place * 4 + 4)));
        const stored: Stored = {
          ...PLACE,
          kind: 'strided',
          size: 4,
          shape,
          strides,
          start,
          source: bytesInMemory(source),
        };
        assertReads(spanOf(stored, shape), new Uint8Array(expected), at, length);
      }),
      { numRuns: 500 },
    );
  });

  test('of a view of few elements far apart only those are read, however long its source is', () => {
    const count = 2 ** 40;
    const source: TensorSpan = {
      ...bytesInMemory(new Uint8Array(0)),
      bytes: count * 4,
      shape: [count],
      count,
    };
    let asked = 0;
    const target = new Uint8Array(8);
    const view: Stored = {
      ...PLACE,
      kind: 'strided',
      size: 4,
      shape: [2],
      strides: [count - 1],
      start: 0,
      source,
    };
    const problem = readStored(view, 0, target, (_, offset, into) => {
      asked += into.length;
      into.fill(offset === 0 ? 1 : 2);
      return null;
    });
    assert.deepEqual([problem, asked, [...target]], [null, 8, [1, 1, 1, 1, 2, 2, 2, 2]]);
  });

  test('tiles come together to the tensor, cut off at its edge, and what none covers is the fill', () => {
    const sizes = fc.record({
      rows: fc.integer({ min: 1, max: 7 }),
      columns: fc.integer({ min: 1, max: 7 }),
      high: fc.integer({ min: 1, max: 4 }),
      wide: fc.integer({ min: 1, max: 4 }),
      hole: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.record({ ...PART, sizes }),
        ({ at, length, sizes: { rows, columns, high, wide, hole } }) => {
          const fill = Uint8Array.of(1, 2, 3, 4);
          const expected = Buffer.alloc(rows * columns * 4, fill);
          const tiles = [];
          for (let top = 0; top < rows; top += high) {
            for (let left = 0; left < columns; left += wide) {
              if (hole && top === 0 && left === 0) continue;
              const values = numbered(high * wide + top * 10 + left).subarray((top * 10 + left) * 4);
              tiles.push({ from: [top, left], shape: [high, wide], span: bytesInMemory(values) });
              for (let r = 0; r < high && top + r < rows; r++) {
                for (let c = 0; c < wide && left + c < columns; c++) {
                  expected.set(
                    values.subarray((r * wide + c) * 4, (r * wide + c + 1) * 4),
                    ((top + r) * columns + left + c) * 4,
                  );
                }
              }
            }
          }
          const stored: Stored = { ...PLACE, kind: 'tiled', size: 4, shape: [rows, columns], tiles, fill };
          assertReads(spanOf(stored, [rows, columns]), new Uint8Array(expected), at, length);
        },
      ),
    );
  });

  test('packed bytes are unpacked, and a stream of another length is refused', () => {
    const expected = numbered(300);
    for (const [form, pack] of [
      ['raw', deflateRawSync],
      ['zlib', deflateSync],
      ['gzip', gzipSync],
    ] as const) {
      const source = bytesInMemory(pack(expected));
      const span = spanOf({ ...PLACE, kind: 'inflated', form, length: expected.length, source }, [300]);
      assertReads(span, expected, 5, 700);
      for (const length of [expected.length - 4, expected.length + 4]) {
        const lying = spanOf({ ...PLACE, kind: 'inflated', form, length, source }, [length / 4]);
        assert.equal(new OpenFiles().read(lying, 0, new Uint8Array(4))?.code, 'packed-malformed');
      }
    }
  });

  test('forms stand on each other, and a slice of a span is a slice of what comes out', async () => {
    const expected = numbered(40);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-stored-'));
    const file = path.join(folder, 'packed.bin');
    const packed = deflateSync(Buffer.from(expected).swap32());
    fs.writeFileSync(file, Buffer.concat([Buffer.from('head'), packed]));
    const onDisk: TensorSpan = {
      path: file,
      offset: 4,
      bytes: packed.length,
      dtype: 'U8',
      shape: [packed.length],
      count: packed.length,
    };
    const unpacked = spanOf({ ...PLACE, kind: 'inflated', form: 'zlib', length: 160, source: onDisk }, [40]);
    const span = { ...spanOf({ ...PLACE, kind: 'swapped', size: 4, source: unpacked }, [40]), path: file };
    const slice = await readSpan({ ...span, offset: 8, bytes: 16, count: 4, shape: [4] });
    assert.ok(slice.ok);
    assert.deepEqual(slice.value, expected.slice(8, 24));
    assert.notEqual(spanKey(span), spanKey(unpacked));
    fs.rmSync(folder, { recursive: true });
  });
});
