import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { openData } from '../../../src/graph/data/registry';
import { numbersOf } from '../../../src/graph/tensor-value';
import { codeOf, got } from '../got';
import { KINDS, npyFile, npyHead, placeOf, temporaryFiles, type Kind } from './files';

const write = temporaryFiles();
const REALDATA = path.join(import.meta.dirname, '../../../../shared/realdata/matajoh+libnpy/assets/test');
const WITHOUT_REALDATA = fs.existsSync(REALDATA) ? false : `there is no ${REALDATA}`;

async function rowsOf(path: string, indices: readonly number[]) {
  const data = got(await openData(path));
  const [array] = data.arrays;
  assert.ok(array, 'has an array');
  const rows = got(await data.rows([array.name], indices)).get(array.name);
  assert.ok(rows);
  return { array, rows };
}

/** A value that every type holds and that differs from place to place, as far as a byte allows. */
const valueAt = (kind: Kind) => (place: readonly number[]) => {
  const mixed = place.reduce((sum, index) => sum * 7 + index + 1, 3) % 127;
  return kind === 'b1' ? mixed % 2 : mixed;
};

test('any rows of an array of any type and order are those that were written', async () => {
  const kinds = Object.keys(KINDS) as Kind[];
  const arrays = fc.record({
    kind: fc.constantFrom(...kinds),
    shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    fortran: fc.boolean(),
    big: fc.boolean(),
    version: fc.constantFrom(1 as const, 2 as const, 3 as const),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(arrays, async ({ picks, ...how }) => {
      const value = valueAt(how.kind);
      const path = write('any.npy', npyFile({ ...how, value }));
      const [samples = 1, ...inner] = how.shape;
      const indices = picks.map((pick) => pick % samples);
      const { array, rows } = await rowsOf(path, indices);
      assert.deepEqual([array.name, array.type, array.shape], ['any', KINDS[how.kind].type, how.shape]);
      const shape = [indices.length, ...inner];
      assert.deepEqual([rows.type, rows.shape], [array.type, shape]);
      const expected = Array.from({ length: rows.data.length }, (_, i) => {
        const [row = 0, ...place] = placeOf(i, shape);
        return value([indices[row] ?? 0, ...place]);
      });
      assert.deepEqual([...numbersOf(rows)], expected);
    }),
    { numRuns: 150 },
  );
});

test('half precision and 64-bit integers keep every bit', async () => {
  const halves = Buffer.from([0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0x00, 0x7e]);
  const path = write(
    'f2.npy',
    Buffer.concat([npyHead("{'descr': '<f2', 'fortran_order': False, 'shape': (4,)}"), halves]),
  );
  const { array, rows } = await rowsOf(path, [0, 1, 2, 3]);
  assert.equal(array.type, 'float16');
  assert.deepEqual([...numbersOf(rows)], [1, 2 ** -24, -Infinity, NaN]);
  const big = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 1]);
  const wide = write(
    'i8.npy',
    Buffer.concat([npyHead("{'descr': '>i8', 'fortran_order': False, 'shape': (1,)}"), big]),
  );
  assert.deepEqual([...(await rowsOf(wide, [0])).rows.data], [-(2n ** 63n) + 1n]);
});

test('a single number is given whole, whatever samples are asked for', async () => {
  const path = write('one.npy', npyFile({ kind: 'f8', shape: [], value: () => 2.5 }));
  const { array, rows } = await rowsOf(path, [5, 6]);
  assert.deepEqual([array.shape, rows.shape, [...rows.data]], [[], [], [2.5]]);
});

test('an array without samples is no fault', async () => {
  const path = write('none.npy', npyFile({ kind: 'f4', shape: [0, 3], value: () => 0 }));
  const { rows } = await rowsOf(path, []);
  assert.deepEqual(rows.shape, [0, 3]);
});

test('rows of a file of 8 GB are read without the rest of it', async () => {
  const rowsInAll = 2 ** 21;
  const head = npyHead(`{'descr': '<f4', 'fortran_order': False, 'shape': (${String(rowsInAll)}, 1024), }`);
  const path = write('sparse.npy', head);
  fs.truncateSync(path, head.length + rowsInAll * 4096);
  const handle = fs.openSync(path, 'r+');
  fs.writeSync(handle, Buffer.from(new Float32Array([7]).buffer), 0, 4, head.length + (rowsInAll - 1) * 4096);
  fs.closeSync(handle);
  const { rows } = await rowsOf(path, [rowsInAll - 1, 12]);
  assert.deepEqual([rows.data.length, rows.data[0], rows.data[1024]], [2048, 7, 0]);
  const data = got(await openData(path));
  const all = await data.rows(
    ['sparse'],
    Array.from({ length: rowsInAll }, (_, i) => i),
  );
  assert.equal(codeOf(all), 'data-too-large');
});

test('samples and names that are not there are named', async () => {
  const data = got(await openData(write('x.npy', npyFile({ kind: 'i4', shape: [3], value: () => 1 }))));
  for (const index of [3, -1, 0.5])
    assert.equal(codeOf(await data.rows(['x'], [index])), 'data-sample-range');
  const missing = await data.rows(['y'], [0]);
  assert.equal(codeOf(missing), 'data-array-missing');
  assert.ok(!missing.ok && missing.problem.message.includes('it has "x"'));
});

test('a file that changed since it was opened is not read', async () => {
  const path = write('changing.npy', npyFile({ kind: 'i4', shape: [3], value: () => 1 }));
  const data = got(await openData(path));
  fs.writeFileSync(path, npyFile({ kind: 'i4', shape: [9], value: () => 2 }));
  assert.equal(codeOf(await data.rows(['changing'], [0])), 'file-changed');
});

test('types without numbers are listed with the reason', async () => {
  const reasons: Record<string, RegExp> = {
    "'|O'": /pickled/,
    "'<U5'": /texts/,
    "'<c8'": /complex/,
    "'|V2'": /bfloat16/,
    "'<M8[ns]'": /"<M8\[ns\]"/,
    "[('a', '<f4'), ('b', '<i4', (2,))]": /records/,
  };
  for (const [descr, reason] of Object.entries(reasons)) {
    const path = write('odd.npy', npyHead(`{'descr': ${descr}, 'fortran_order': False, 'shape': (2,), }`));
    const data = got(await openData(path));
    assert.deepEqual(data.arrays, []);
    assert.match(data.unreadable[0]?.reason ?? '', reason);
    assert.equal(codeOf(await data.rows(['odd'], [0])), 'data-array-type');
  }
});

test('files that lie are refused with a code', async () => {
  const head = (text: string) => npyHead(text);
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const long = head(good);
  long.writeUInt16LE(60_000, 8);
  const longer = npyHead(good, 2);
  longer.writeUInt32LE(2 ** 31, 8);
  const cases: readonly [string, Buffer, string][] = [
    ['no bytes', Buffer.alloc(0), 'data-malformed'],
    ['half a prefix', Buffer.from([0x93, 0x4e]), 'data-malformed'],
    ['another magic', Buffer.from('not an array at all'), 'data-malformed'],
    [
      'a version of the future',
      Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY\x09\x00\x10\x00xx')]),
      'data-malformed',
    ],
    ['a header beyond the file', long, 'data-malformed'],
    ['a header of 2 GB', longer, 'data-too-large'],
    ['one element too few', Buffer.concat([head(good), Buffer.alloc(7)]), 'data-malformed'],
    ['a shape beyond every file', head(good.replace('(2,)', '(4503599627370496, 4096)')), 'data-too-large'],
    ['a shape of 2^60', head(good.replace('(2,)', '(1152921504606846976,)')), 'data-malformed'],
    ['a negative size', head(good.replace('(2,)', '(-2,)')), 'data-malformed'],
    ['a fractional size', head(good.replace('(2,)', '(2.5,)')), 'data-malformed'],
    ['no shape', head("{'descr': '<f4', 'fortran_order': False}"), 'data-malformed'],
    ['no order', head("{'descr': '<f4', 'shape': (2,)}"), 'data-malformed'],
    ['a key twice', head(good.replace('{', "{'descr': '<f8', ")), 'data-malformed'],
    [
      'an expression',
      head("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}"),
      'data-malformed',
    ],
    ['tuples without end', head(good.replace('(2,)', '('.repeat(30_000))), 'data-malformed'],
    ['something after the dictionary', head(`${good} + 1`), 'data-malformed'],
  ];
  for (const [what, bytes, code] of cases) {
    assert.equal(codeOf(await openData(write('bad.npy', bytes))), code, what);
  }
});

test(
  'files written by libnpy and NumPy agree across byte orders and element orders',
  { skip: WITHOUT_REALDATA },
  async () => {
    const all = [0, 1, 2, 3, 4];
    const counted = Array.from({ length: 50 }, (_, i) => i);
    for (const name of [
      'int8',
      'uint16',
      'int32',
      'int32_big',
      'uint8_fortran',
      'int64',
      'float32',
      'float64',
    ]) {
      const { rows } = await rowsOf(`${REALDATA}/${name}.npy`, all);
      assert.deepEqual([...numbersOf(rows)], counted, name);
    }
  },
);
