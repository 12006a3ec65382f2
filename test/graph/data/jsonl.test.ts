import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { openData } from '../../../src/graph/data/registry';
import { numbersOf } from '../../../src/graph/tensor-value';
import { codeOf, got } from '../got';
import { temporaryFiles } from './files';

const write = temporaryFiles();
const lines = (...records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

test('any arrays that JSON writes are read back, whatever line is asked for', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      async (shape, count, picks) => {
        const size = shape.reduce((product, n) => product * n, 1);
        const nested = (values: unknown[], rest: readonly number[]): unknown => {
          const [, ...inner] = rest;
          if (rest.length === 0) return values[0];
          const each = values.length / (rest[0] ?? 1);
          return Array.from({ length: rest[0] ?? 0 }, (_, i) =>
            nested(values.slice(i * each, (i + 1) * each), inner),
          );
        };
        const values = Array.from({ length: count }, (_, s) =>
          Array.from({ length: size }, (_, i) => (s * 31 + i) / 8 - 2.0625),
        );
        const path = write(
          'any.jsonl',
          lines(...values.map((own, s) => ({ x: nested(own, shape), labels: s }))),
        );
        const data = got(await openData(path));
        assert.deepEqual(data.arrays, [
          { name: 'x', type: 'float64', shape: [count, ...shape], decimal: true },
          { name: 'labels', type: 'int64', shape: [count] },
        ]);
        const indices = picks.map((pick) => pick % count);
        const rows = got(await data.rows(['x', 'labels'], indices));
        const x = rows.get('x');
        assert.deepEqual(x?.shape, [indices.length, ...shape]);
        assert.deepEqual(
          x && [...numbersOf(x)],
          indices.flatMap((index) => values[index] ?? []),
        );
        assert.deepEqual(rows.get('labels')?.data, BigInt64Array.from(indices.map(BigInt)));
      },
    ),
    { numRuns: 60 },
  );
});

test('blank lines, carriage returns, a byte order mark and missing last line breaks are no records', async () => {
  const data = got(await openData(write('loose.jsonl', '\ufeff{"a":1}\r\n\r\n  \n{"a":2}\n\t{"a":3}  ')));
  assert.deepEqual(data.arrays, [{ name: 'a', type: 'int64', shape: [3] }]);
  assert.deepEqual(got(await data.rows(['a'], [0, 1, 2])).get('a')?.data, BigInt64Array.of(1n, 2n, 3n));
});

test('lists of different lengths are named, or filled up where the user says with what', async () => {
  const path = write(
    'ragged.jsonl',
    lines({ input_ids: [5, 6, 7], labels: [6, 7, 8] }, { input_ids: [9], labels: [1] }),
  );
  const strict = got(await openData(path));
  const refused = await strict.rows(['input_ids'], [0, 1]);
  assert.equal(codeOf(refused), 'data-ragged');
  assert.ok(!refused.ok && refused.problem.message.includes('[3] in record 0 and [1] in record 1'));
  const padded = got(await openData(path, { pad: 99 }));
  assert.deepEqual(
    padded.arrays.map(({ name, shape }) => [name, shape]),
    [
      ['input_ids', [2, null]],
      ['labels', [2, null]],
      ['attention_mask', [2, null]],
    ],
  );
  const rows = got(await padded.rows(['input_ids', 'labels', 'attention_mask'], [1, 0]));
  assert.deepEqual(
    [...rows].map(([name, { data }]) => [name, ...Array.from(data as BigInt64Array, Number)]),
    [
      ['input_ids', 9, 99, 99, 5, 6, 7],
      ['labels', 1, -100, -100, 6, 7, 8],
      ['attention_mask', 1, 0, 0, 1, 1, 1],
    ],
  );
  const fixed = got(await padded.rows(['input_ids'], [0, 1], { length: 2 })).get('input_ids');
  assert.deepEqual([fixed?.shape, fixed?.data], [[2, 2], BigInt64Array.of(5n, 6n, 9n, 99n)]);
});

test('what is no array of numbers is left out, and what lies is refused with record and byte', async () => {
  const data = got(
    await openData(write('mixed.jsonl', lines({ id: 'a', x: [true, false], note: null, meta: {} }))),
  );
  assert.deepEqual(
    [data.arrays.map(({ name }) => name), data.unreadable.map(({ name }) => name)],
    [['x'], ['id']],
  );
  const bad: readonly [string, string, string][] = [
    ['', 'data-empty', ''],
    ['\n \n', 'data-empty', ''],
    ['[1, 2]', 'data-malformed', 'record 0, byte 0'],
    ['{"a": [1, 2}', 'data-malformed', 'byte 11'],
    ['{"a": 1} {"a": 2}', 'data-malformed', 'record 0'],
    ['{"a": 1, "a": 2}', 'data-malformed', '"a" appears a second time'],
    [`{"a": ${'['.repeat(200_000)}`, 'data-malformed', 'nested'],
    [`{"a": ${'['.repeat(20)}1${']'.repeat(20)}}`, 'data-malformed', '"a"'],
    ['{"a": [[1, 2], [3]]}', 'data-malformed', 'different lengths'],
    ['{"a": [1, [2]]}', 'data-malformed', 'different lengths'],
    ['{"a": [[1], 2]}', 'data-malformed', 'different lengths'],
  ];
  for (const [text, code, says] of bad) {
    const opened = await openData(write('bad.jsonl', text));
    assert.equal(codeOf(opened), code, text.slice(0, 40));
    assert.ok(!opened.ok && opened.problem.message.includes(says), opened.ok ? '' : opened.problem.message);
  }
  assert.equal(
    codeOf(await openData(write('bad.jsonl', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])))),
    'data-malformed',
  );
  const later = got(
    await openData(
      write('later.jsonl', '{"a": 1}\n{"b": 1}\n{"a": 0.5}\n{"a": 9007199254740993}\n{"a": "x"}'),
    ),
  );
  for (const [index, code] of [
    [1, 'data-malformed'],
    [2, 'data-inexact'],
    [3, 'data-inexact'],
    [4, 'data-malformed'],
    [5, 'data-sample-range'],
  ] as const) {
    assert.equal(codeOf(await later.rows(['a'], [index])), code);
  }
});

test('columns of numbers are arrays, with quotes and separators inside cells', async () => {
  const path = write('table.csv', 'a, label ,"note, long"\n1.5,2,"said ""no"",\nand left"\n-3e2,0,x\n');
  const data = got(await openData(path));
  assert.deepEqual(data.arrays, [
    { name: 'a', type: 'float64', shape: [2], decimal: true },
    { name: 'label', type: 'int64', shape: [2] },
  ]);
  assert.deepEqual(
    data.unreadable.map(({ name }) => name),
    ['note, long'],
  );
  assert.deepEqual(got(await data.rows(['a'], [1, 0])).get('a')?.data, Float64Array.of(-300, 1.5));
  const tabs = got(await openData(write('table.tsv', 'a\tb\n1\t2\n')));
  assert.deepEqual(
    tabs.arrays.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(codeOf(await openData(write('short.csv', 'a,b\n1\n'))), 'data-malformed');
  assert.equal(codeOf(await openData(write('head.csv', 'a,b\n'))), 'data-empty');
});
