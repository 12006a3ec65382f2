import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  byteRange,
  CHUNK_LIMITS,
  countOf,
  planPass,
  spansOf,
  type Chunk,
  type ChunkLimits,
} from '../../src/tensor/chunks';
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

/** The chunks of all portions, in order. */
function chunksOf(items: readonly PassItem[], limits: ChunkLimits = CHUNK_LIMITS): readonly Chunk[] {
  const plan = planPass(items, limits);
  return Array.from({ length: plan.portions }, (_, index) => plan.portion(index) ?? []).flat();
}

test('chunks cover every element of every item once, in order, and split packed types between bytes', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), fc.integer({ min: 1, max: 4000 }), (items, spanBytes) => {
      const chunks = chunksOf(items, { spanBytes, itemBytes: 2 * spanBytes });
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
      for (const chunk of chunksOf([each], { spanBytes, itemBytes: 2 * spanBytes })) {
        for (const read of spansOf(each)) {
          assert.ok(
            byteRange(read, chunk.start, chunk.end).length <= Math.max(spanBytes, bytesFor(read.dtype, 8)),
          );
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
  const chunks = chunksOf([each], { spanBytes: 2000, itemBytes: 2000 });
  assert.ok(chunks.length > 10);
  for (const chunk of chunks) assert.equal(chunk.start % 77, 0);
});

test('many small tensors share a portion, and an empty tensor has a chunk', () => {
  const empty: TensorSpan = { path: '/nowhere', offset: 0, bytes: 0, dtype: 'F32', shape: [0], count: 0 };
  const items = Array.from({ length: 100 }, (): PassItem => ({ kind: 'moments', span: empty }));
  assert.equal(planPass(items).portions, 1);
  assert.equal(chunksOf(items).length, 100);
});

test('an adapter’s own moments read nothing', () => {
  const delta = randomDelta(2, 3, 1, seeded(1));
  const base: TensorSpan = { path: '/nowhere', offset: 0, bytes: 24, dtype: 'F32', shape: [2, 3], count: 6 };
  const each: PassItem = { kind: 'deltaMoments', base, task: { kind: 'lowRank', delta } };
  assert.deepEqual(spansOf(each), []);
  assert.equal(planPass([each]).bytes, 0);
  assert.deepEqual(
    chunksOf([each]).map(({ start, end, bytes }) => [start, end, bytes]),
    [[0, 6, 0]],
  );
});

test('a plan says how many chunks and bytes there are, numbers chunks in order, and has no empty portion', () => {
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 12 }),
      fc.integer({ min: 1, max: 20_000 }),
      (items, spanBytes) => {
        const limits = { spanBytes, itemBytes: 2 * spanBytes };
        const plan = planPass(items, limits);
        const chunks = chunksOf(items, limits);
        assert.equal(plan.chunks, chunks.length);
        assert.deepEqual(
          chunks.map(({ number }) => number),
          chunks.map((_, index) => index),
        );
        assert.equal(
          plan.bytes,
          chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
        );
        items.forEach((_, index) => {
          const { first, end } = plan.chunksOf(index);
          assert.ok(chunks.slice(first, end).every((chunk) => chunk.item === index));
          assert.equal(end - first, chunks.filter((chunk) => chunk.item === index).length);
        });
        for (let index = 0; index < plan.portions; index++) assert.ok((plan.portion(index) ?? []).length > 0);
        assert.equal(plan.portion(plan.portions), null);
      },
    ),
  );
});

test('a tensor of a pebibyte is planned without listing its chunks', () => {
  const count = 2 ** 49;
  const vast: TensorSpan = {
    path: '/nowhere',
    offset: 0,
    bytes: 2 ** 50,
    dtype: 'F16',
    shape: [count],
    count,
  };
  const plan = planPass([
    { kind: 'moments', span: vast },
    { kind: 'moments', span: { ...vast, bytes: 2, count: 1, shape: [1] } },
  ]);
  assert.equal(plan.chunks, 2 ** 30 + 1);
  assert.equal(plan.bytes, 2 ** 50 + 2);
  const last = plan.portion(plan.portions - 2)?.at(-1);
  assert.deepEqual([last?.item, last?.number, last?.end], [0, 2 ** 30 - 1, count]);
  assert.equal(plan.portion(plan.portions - 1)?.at(-1)?.number, 2 ** 30);
});
