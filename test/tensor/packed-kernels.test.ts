import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import test, { after, suite } from 'node:test';
import fc from 'fast-check';
import { decode } from '../../src/tensor/decode';
import { OpenFiles } from '../../src/tensor/open-files';
import type { TensorSpan } from '../../src/tensor/span';
import type { BitPackedStore } from '../../src/tensor/stored/stored';
import { PackedKernels, type PackedDtype } from '../../src/tensor/wasm/packed-kernels';

const folder = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-packed-kernels-'));
after(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function kernelsHere(): PackedKernels {
  const kernels = PackedKernels.ofThread();
  assert.ok(kernels, 'dist/tensor-packed.wasm is missing: node scripts/build.mjs makes it');
  return kernels;
}

/** Bytes without order, the same for the same seed. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed | 1;
  return new Uint8Array(length).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
}

const number = fc.oneof(
  fc.float({ noNaN: true, min: -1e4, max: 1e4 }),
  fc.double({ noNaN: true, min: -1e4, max: 1e4 }),
  fc.constantFrom(0, 1, 0.1, Number.NaN, 2 ** -140, 2 ** 120),
);
const runs = fc.array(
  fc.record({
    zero: fc.oneof(fc.constant(0), fc.integer({ min: -128, max: 255 }), number),
    by: number,
    plus: fc.oneof(fc.constant(-0), number),
    half: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 12 },
);

suite('Kernels of packed weights', () => {
  test('every code of every type is (code − zero) · scale + shift, rounded once to float32', () => {
    const kernels = kernelsHere();
    const types = ['U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F4'] as const satisfies readonly PackedDtype[];
    fc.assert(
      fc.property(fc.constantFrom(...types), runs, fc.integer(), (dtype, all, seed) => {
        const count = all.reduce((sum, { half }) => sum + 2 * half, 0);
        const codes = noise(count, seed);
        kernels.start();
        for (const { zero, by, half, plus } of all) assert.ok(kernels.add(zero, by, 2 * half, plus));
        kernels.codes.set(codes);
        kernels.scale(dtype);
        const plain = decode(dtype, codes, count);
        let at = 0;
        for (const { zero, by, half, plus } of all) {
          for (const end = at + 2 * half; at < end; at++) {
            const expected = Math.fround(((plain[at] ?? Number.NaN) - zero) * by + plus);
            assert.ok(
              Object.is(kernels.values[at], expected),
              `${dtype} ${String(at)}: ${String(kernels.values[at])}, not ${String(expected)}`,
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('codes of four bits choose out of a table, the upper half of a byte first', () => {
    const kernels = kernelsHere();
    const table = Float32Array.from({ length: 16 }, (_, code) => Math.sin(code) * 3);
    const codes = noise(200, 5);
    kernels.start();
    kernels.add(0, 0.5, 70);
    kernels.add(0, Math.fround(0.3), 330);
    kernels.codes.set(codes);
    kernels.lookUp(table);
    for (let i = 0; i < 400; i++) {
      const byte = codes[i >> 1] ?? 0;
      const entry = table[i % 2 === 0 ? byte >> 4 : byte & 15] ?? Number.NaN;
      assert.equal(kernels.values[i], Math.fround(entry * (i < 70 ? 0.5 : Math.fround(0.3))), String(i));
    }
  });

  test('packed numbers with their axes exchanged are the same numbers, in any part', () => {
    const files = new OpenFiles();
    let written = 0;
    fc.assert(
      fc.property(
        fc.record({
          bits: fc.constantFrom(2, 4, 8),
          along: fc.constantFrom('rows' as const, 'columns' as const),
          rows: fc.integer({ min: 1, max: 90 }),
          columns: fc.integer({ min: 1, max: 150 }),
          plus: fc.nat(3),
          reordered: fc.boolean(),
          seed: fc.integer(),
          from: fc.nat(5000),
          length: fc.nat(3000),
        }),
        ({ bits, along, rows, columns, plus, reordered, seed, from, length }) => {
          const each = 32 / bits;
          const places =
            reordered && along === 'columns'
              ? Array.from({ length: each }, (_, k) => (k * 3 + 1) % each)
              : undefined;
          const [height, width] =
            along === 'rows' ? [Math.ceil(rows / each), columns] : [rows, Math.ceil(columns / each)];
          const bytes = noise(4 * height * width, seed);
          const path = paths.join(folder, String(written++));
          fs.writeFileSync(path, bytes);
          const place = { label: 'packed', offset: 0, bytes: bytes.length };
          const source: TensorSpan = {
            path,
            offset: 0,
            bytes: bytes.length,
            dtype: 'I32',
            shape: [height, width],
            count: height * width,
          };
          const packed: BitPackedStore = {
            kind: 'bitPacked', ...place, bits, rows, columns, along, across: false, plus, source, ...(places ? { places } : {}),
          }; // prettier-ignore
          const count = rows * columns;
          const whole: TensorSpan = {
            path,
            offset: 0,
            bytes: count,
            dtype: 'U8',
            shape: [rows, columns],
            count,
            stored: packed,
          };
          const turned: TensorSpan = {
            ...whole,
            shape: [columns, rows],
            stored: {
              kind: 'strided',
              ...place,
              size: 1,
              shape: [columns, rows],
              strides: [1, columns],
              start: 0,
              source: whole,
            },
          };
          const words = new Int32Array(bytes.buffer, 0, height * width);
          const expected = Uint8Array.from({ length: count }, (_, k) => {
            const [row, column] = [k % rows, Math.floor(k / rows)];
            const [index, word] =
              along === 'rows'
                ? [row, Math.floor(row / each) * width + column]
                : [column, row * width + Math.floor(column / each)];
            const nth = index % each;
            return (((words[word] ?? 0) >>> (bits * (places?.[nth] ?? nth))) + plus) & (2 ** bits - 1);
          });
          const first = Math.min(from, count);
          const target = new Uint8Array(Math.min(length, count - first));
          assert.equal(files.read(turned, first, target), null);
          assert.deepEqual(target, expected.slice(first, first + target.length));
        },
      ),
      { numRuns: 120 },
    );
    files.close();
  });
});
