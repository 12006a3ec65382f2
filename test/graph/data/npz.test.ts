import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openData } from '../../../src/graph/data/registry';
import { numbersOf } from '../../../src/graph/tensor-value';
import { codeOf, got } from '../got';
import { readNpz, WITHOUT_ZOO, ZOO } from '../zoo';
import { npyFile, npyHead, temporaryFiles, zipFile, type ZipMember } from './files';

const write = temporaryFiles();
const count = npyFile({ kind: 'i4', shape: [6, 2], value: ([i = 0, j = 0]) => 10 * i + j });
const noise = npyFile({ kind: 'f8', shape: [6], value: ([i = 0]) => Math.sin(i) });
const member = (name: string, content: Buffer, rest: Partial<ZipMember> = {}) => ({ name, content, ...rest });

async function valuesOf(path: string, name: string, indices: readonly number[]): Promise<number[]> {
  const data = got(await openData(path));
  const rows = got(await data.rows([name], indices)).get(name);
  return rows === undefined ? [] : [...numbersOf(rows)];
}

test('arrays are found by name, stored, deflated and with ZIP64 sizes', async () => {
  for (const method of [0, 8]) {
    for (const wide of [false, true]) {
      const members = [
        member('count.npy', count, { method, wide }),
        member('deep/noise.npy', noise, { method, wide }),
      ];
      const path = write(
        'good.npz',
        zipFile([...members, member('README.txt', Buffer.from('hello'))], {
          comment: 'PK\x05\x06',
          wideEnd: wide,
        }),
      );
      const data = got(await openData(path));
      assert.deepEqual(data.arrays, [
        { name: 'count', type: 'int32', shape: [6, 2] },
        { name: 'deep/noise', type: 'float64', shape: [6] },
      ]);
      assert.deepEqual(await valuesOf(path, 'count', [5, 0, 5]), [50, 51, 0, 1, 50, 51]);
      assert.deepEqual(await valuesOf(path, 'deep/noise', [1, 3]), [Math.sin(1), Math.sin(3)]);
    }
  }
});

test('unpacked bytes larger than a chunk are right at every place, forwards and backwards', async () => {
  const large = npyFile({
    kind: 'i4',
    shape: [50_000, 3],
    value: ([i = 0, j = 0]) => (i * 7919 + j * 104_729) % 1_000_003,
  });
  const path = write('large.npz', zipFile([member('a.npy', large, { method: 8 })]));
  const data = got(await openData(path));
  for (const indices of [
    [49_999, 0],
    [25_000, 25_001, 7],
    [0, 49_999],
  ]) {
    const rows = got(await data.rows(['a'], indices)).get('a');
    const expected = indices.flatMap((i) => [0, 1, 2].map((j) => (i * 7919 + j * 104_729) % 1_000_003));
    assert.deepEqual(rows && [...rows.data], expected);
  }
});

test('the data sets of the zoo are read as NumPy wrote them', { skip: WITHOUT_ZOO }, async () => {
  const path = join(ZOO, 'vit-digits/data/rot90-test.npz');
  const data = got(await openData(path));
  assert.deepEqual(data.arrays, [
    { name: 'pixel_values', type: 'float32', shape: [400, 1, 16, 16] },
    { name: 'labels', type: 'int64', shape: [400] },
  ]);
  // Printed by NumPy 2.4: z['labels'][:10], z['labels'][-5:], z['pixel_values'][7,0,5,:3], z['pixel_values'].sum(dtype='f8').
  assert.deepEqual(
    await valuesOf(path, 'labels', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    [4, 0, 3, 5, 6, 3, 8, 9, 4, 1],
  );
  assert.deepEqual(await valuesOf(path, 'labels', [395, 396, 397, 398, 399]), [3, 2, 1, 3, 3]);
  const seventh = await valuesOf(path, 'pixel_values', [7]);
  assert.deepEqual(seventh.slice(80, 83), [-0.843137264251709, -0.615686297416687, -0.1607843041419983]);
  const all = await valuesOf(
    path,
    'pixel_values',
    Array.from({ length: 400 }, (_, i) => i),
  );
  assert.ok(Math.abs(all.reduce((sum, x) => sum + x, 0) + 40_019.614_799_976_35) < 1e-6);
});

test(
  'every data set of the zoo agrees with a reader that unpacks whole files',
  { skip: WITHOUT_ZOO },
  async () => {
    const files = ['vit-digits/data', 'charlm/data'].flatMap((folder) =>
      fs.readdirSync(join(ZOO, folder)).map((name) => join(ZOO, folder, name)),
    );
    for (const path of files) {
      const data = got(await openData(path));
      const expected = readNpz(path);
      assert.deepEqual(
        data.arrays.map(({ name }) => name),
        [...expected.keys()],
      );
      for (const { name, shape } of data.arrays) {
        const indices = Array.from({ length: shape[0] ?? 0 }, (_, i) => i);
        const value = got(await data.rows([name], indices)).get(name);
        assert.ok(value);
        const bytes = Buffer.from(value.data.buffer, value.data.byteOffset, value.data.byteLength);
        assert.ok(bytes.equals(expected.get(name)?.bytes ?? Buffer.alloc(0)), `${path} ${name}`);
      }
    }
  },
);

test('arrays that cannot be read do not spoil the others', async () => {
  const texts = Buffer.concat([
    npyHead("{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }"),
    Buffer.alloc(4),
  ]);
  const path = write(
    'mixed.npz',
    zipFile([
      member('names.npy', texts),
      member('count.npy', count),
      member('shrunk.npy', count, { method: 12 }),
      member('secret.npy', count, { claims: { flags: 1 } }),
    ]),
  );
  const data = got(await openData(path));
  assert.deepEqual(
    data.arrays.map(({ name }) => name),
    ['count'],
  );
  assert.deepEqual(
    data.unreadable.map(({ name }) => name),
    ['names', 'shrunk', 'secret'],
  );
  assert.deepEqual(await valuesOf(path, 'count', [1]), [10, 11]);
});

test('archives that lie are refused with a code, at the latest where the lie is read', async () => {
  const zeros = (bytes: number) =>
    Buffer.concat([
      npyHead(`{'descr': '|u1', 'fortran_order': False, 'shape': (${String(bytes)},), }`),
      Buffer.alloc(bytes),
    ]);
  const deflated = zipFile([member('a.npy', count, { method: 8 })]);
  const torn = Buffer.from(deflated);
  torn.fill(0xff, 60, 70);
  const start = deflated.indexOf('PK\x01\x02', 0, 'latin1');
  const cases: readonly [string, Buffer, string][] = [
    ['no bytes', Buffer.alloc(0), 'zip-malformed'],
    ['no archive', Buffer.from('an archive, honestly'), 'zip-malformed'],
    ['an archive without its end', deflated.subarray(0, start), 'zip-malformed'],
    ['an archive without its start', deflated.subarray(20), 'zip-malformed'],
    ['torn deflate bytes', torn, 'data-malformed'],
    [
      'a local header elsewhere',
      zipFile([member('a.npy', count, { claims: { local: 7 } })]),
      'zip-malformed',
    ],
    [
      'a local header beyond the end',
      zipFile([member('a.npy', count, { claims: { local: 2 ** 31 } })]),
      'zip-malformed',
    ],
    [
      'stored bytes that are more than there are',
      zipFile([member('a.npy', count, { claims: { bytes: 2 ** 30 } })]),
      'zip-malformed',
    ],
    [
      'a terabyte in a few bytes',
      zipFile([member('a.npy', zeros(50_000), { method: 8, wide: true, claims: { bytes: 2 ** 40 } })]),
      'zip-malformed',
    ],
    [
      'more than is there',
      zipFile([member('a.npy', count, { method: 8, claims: { bytes: count.length + 100 } })]),
      'data-malformed',
    ],
    [
      'less than is there',
      zipFile([member('a.npy', count, { method: 8, claims: { bytes: count.length - 8 } })]),
      'data-malformed',
    ],
    [
      'two files in the same bytes',
      zipFile([member('a.npy', count), member('b.npy', count, { claims: { local: 0 } })]),
      'zip-malformed',
    ],
    ['one name twice', zipFile([member('a.npy', count), member('a.npy', noise)]), 'zip-malformed'],
    ['no array in an entry', zipFile([member('a.npy', Buffer.from('PK and so on'))]), 'data-malformed'],
  ];
  for (const [what, bytes, code] of cases) {
    const opened = await openData(write('bad.npz', bytes));
    const read = opened.ok ? await opened.value.rows(['a'], [0]) : opened;
    assert.equal(codeOf(read), code, what);
  }
  // Where the elements go on after what the header of the array says, only the end of the stream tells.
  const crc = zipFile([member('a.npy', count, { method: 8, claims: { crc: 1 } })]);
  const data = got(await openData(write('crc.npz', crc)));
  const read = await data.rows(['a'], [0]);
  assert.ok(!read.ok && read.problem.message.includes('checksum'));
});

test('an array of 300 MB out of 300 kB is read row by row in little memory', async () => {
  const bytes = 300 * 2 ** 20;
  const head = npyHead(`{'descr': '|u1', 'fortran_order': False, 'shape': (300, 1048576), }`);
  const path = write(
    'bomb.npz',
    zipFile([member('a.npy', Buffer.concat([head, Buffer.alloc(bytes)]), { method: 8 })]),
  );
  const data = got(await openData(path));
  const before = process.memoryUsage().arrayBuffers;
  const rows = got(await data.rows(['a'], [299])).get('a');
  assert.equal(rows?.data.length, 2 ** 20);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 2 ** 20);
});
