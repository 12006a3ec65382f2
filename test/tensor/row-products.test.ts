import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spansOf } from '../../src/tensor/chunks';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import type { GroupTask, PassOutcome } from '../../src/tensor/pass';
import type { MergeRule, RowProducts } from '../../src/tensor/row-products';
import { bytesOf, doubles, isClose, product, randomDelta, seeded } from './oracle';
import { knownTau, tausOf } from './slow-masks';
import { slowRowProducts } from './slow-row-products';

/** Reduces an item whose spans are all doubles, cut after whole rows. */
function reduce(item: ChunkedItem, files: readonly (readonly number[])[], cut: number): PassOutcome {
  const count = files[0]?.length ?? 0;
  const reducer = prepare(item, new Scratch());
  const outcomes: PassOutcome[] = [];
  for (let start = 0; start < count || start === 0; start += cut) {
    const end = Math.min(count, start + cut);
    const bytes = spansOf(item).map((_, s) => bytesOf(Float64Array.from((files[s] ?? []).slice(start, end))));
    outcomes.push(reducer({ start, end, bytes }));
  }
  return outcomes.reduce(merge);
}

/** `scale` is the size of what is summed: a sum that cancels is no more exact than its terms. */
function assertAgree(found: PassOutcome, expected: RowProducts, tolerance: number, scale = 1e-9): void {
  assert.ok(found.kind === 'rowProducts');
  assert.equal(found.rows, expected.rows);
  for (const name of ['dots', 'squares', 'merged', 'skipped'] as const) {
    assert.equal(found[name].length, expected[name].length);
    found[name].forEach((value, at) => {
      const wanted = expected[name][at] ?? NaN;
      assert.ok(isClose(value, wanted, tolerance, scale), `${name}[${at}]: ${value}, expected ${wanted}`);
    });
  }
}

/** Small whole numbers, so that ties, zeros and opposite signs are common, and the rare entry that is none. */
const entry = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
);
const rules: fc.Arbitrary<MergeRule> = fc.oneof(
  fc
    .array(fc.integer({ min: -4, max: 4 }), { minLength: 5, maxLength: 5 })
    .map((weights) => ({ kind: 'weighted' as const, weights: weights.map((weight) => weight / 4) })),
  fc.constantFrom(0, 0.5, 1).map((scale) => ({ kind: 'elected' as const, scale })),
);

test('products of a merge with its tasks agree with their definition, wherever chunks begin', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(entry),
      rules,
      fc.integer({ min: 1, max: 3 }),
      (rowLength, rows, tasks, stream, rule, rowsAtOnce) => {
        const count = rowLength * rows;
        const [base = [], ...others] = Array.from({ length: tasks + 1 }, () => [...stream.take(count)]);
        const item = {
          kind: 'rowProducts' as const,
          base: doubles(count),
          tasks: others.map((): GroupTask => ({ kind: 'dense', span: doubles(count) })),
          rowLength,
          merge: rule,
        };
        const found = reduce(item, [base, ...others], rowLength * rowsAtOnce);
        assertAgree(found, slowRowProducts(tausOf(base, others), rowLength, rule), 1e-12, 1);
      },
    ),
    { numRuns: 150 },
  );
});

test('rows longer than a block, and a fine-tune beside an adapter, agree as well', () => {
  const random = seeded(7);
  const delta = randomDelta(3, 5000, 2, random);
  const base = Array.from({ length: 15_000 }, () => random() - 0.5);
  const theta = base.map((value) => value + random() / 10);
  const rule: MergeRule = { kind: 'weighted', weights: [0.3, 0.6] };
  const item = {
    kind: 'rowProducts' as const,
    base: doubles(base.length, [3, 5000]),
    tasks: [
      { kind: 'lowRank' as const, delta },
      { kind: 'dense' as const, span: doubles(base.length) },
    ],
    rowLength: 5000,
    merge: rule,
  };
  const taus = [knownTau(base, [...product(delta)]), ...tausOf(base, [theta])];
  assertAgree(reduce(item, [base, theta], 5000), slowRowProducts(taus, 5000, rule), 1e-9);
});
