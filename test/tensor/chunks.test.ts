import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteRange, countOf, planPortions, spansOf } from '../../src/tensor/chunks';
import { bytesFor } from '../../src/tensor/decode';
import { DTYPES } from '../../src/tensor/dtype';
import type { PassItem } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';
import { randomDelta, seeded } from './oracle';

const span = fc
  .tuple(fc.constantFrom(...DTYPES), fc.integer({ min: 0, max: 5000 }))
  .map(([dtype, count]): TensorSpan => ({
    path: '/nowhere',
    offset: 8,
    bytes: bytesFor(dtype.name, count),
    dtype: dtype.name,
    shape: [count],
    count,
  }));

const item: fc.Arbitrary<PassItem> = fc.tuple(span, span, fc.boolean()).map(([base, other, alone]) => {
  const task: TensorSpan = {
    ...other,
    count: base.count,
    shape: base.shape,
    bytes: bytesFor(other.dtype, base.count),
  };
  return alone
    ? { kind: 'moments', span: base }
    : { kind: 'group', base, tasks: [{ kind: 'dense', span: task }], elementwise: false };
});

test('chunks cover every element of every item once, in order, and split packed types between bytes', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), fc.integer({ min: 1, max: 4000 }), (items, spanBytes) => {
      const chunks = planPortions(items, { spanBytes, itemBytes: 2 * spanBytes }).flat();
      items.forEach((each, index) => {
        const own = chunks.filter((chunk) => chunk.item === index);
        let next = 0;
        for (const chunk of own) {
          assert.equal(chunk.start, next);
          next = chunk.end;
        }
        assert.equal(next, countOf(each));
        for (const read of spansOf(each)) {
          let offset = 0;
          for (const chunk of own) {
            const range = byteRange(read, chunk.start, chunk.end);
            assert.equal(range.offset, offset);
            offset += range.length;
          }
          assert.equal(offset, read.bytes);
        }
      });
      assert.deepEqual(
        chunks.map((chunk) => chunk.item),
        chunks.map((chunk) => chunk.item).sort((x, y) => x - y),
      );
    }),
  );
});

test('a chunk reads no more of a span than the limit, rounded up to eight elements', () => {
  fc.assert(
    fc.property(item, fc.integer({ min: 1, max: 4000 }), (each, spanBytes) => {
      for (const chunk of planPortions([each], { spanBytes, itemBytes: 2 * spanBytes }).flat()) {
        for (const read of spansOf(each)) {
          assert.ok(byteRange(read, chunk.start, chunk.end).length <= Math.max(spanBytes, 64));
        }
      }
    }),
  );
});

test('chunks of a group with an adapter are whole rows', () => {
  const base: TensorSpan = {
    path: '/nowhere',
    offset: 0,
    bytes: 2 * 300 * 77,
    dtype: 'BF16',
    shape: [300, 77],
    count: 300 * 77,
  };
  const delta = randomDelta(300, 77, 2, seeded(1));
  const each: PassItem = { kind: 'group', base, tasks: [{ kind: 'lowRank', delta }], elementwise: false };
  const chunks = planPortions([each], { spanBytes: 2000, itemBytes: 2000 }).flat();
  assert.ok(chunks.length > 10);
  for (const chunk of chunks) assert.equal(chunk.start % 77, 0);
});

test('many small tensors share a portion, and an empty tensor has a chunk', () => {
  const empty: TensorSpan = { path: '/nowhere', offset: 0, bytes: 0, dtype: 'F32', shape: [0], count: 0 };
  const items = Array.from({ length: 100 }, (): PassItem => ({ kind: 'moments', span: empty }));
  const portions = planPortions(items);
  assert.equal(portions.length, 1);
  assert.equal(portions.flat().length, 100);
});

test('an adapter’s own moments read nothing', () => {
  const delta = randomDelta(2, 3, 1, seeded(1));
  const base: TensorSpan = { path: '/nowhere', offset: 0, bytes: 24, dtype: 'F32', shape: [2, 3], count: 6 };
  const each: PassItem = { kind: 'deltaMoments', base, task: { kind: 'lowRank', delta } };
  assert.deepEqual(spansOf(each), []);
  assert.equal(
    planPortions([each])
      .flat()
      .reduce((sum, chunk) => sum + chunk.bytes, 0),
    0,
  );
});
