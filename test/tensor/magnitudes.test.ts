import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spansOf } from '../../src/tensor/chunks';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import { moveLargest } from '../../src/tensor/kernels/row-bands';
import {
  bandEnergy,
  bandOf,
  binEdge,
  coarsen,
  mergeRuns,
  planBand,
  type Magnitudes,
} from '../../src/tensor/magnitudes';
import type { PassOutcome } from '../../src/tensor/pass';
import { bytesOf, doubles, isClose, product, randomDelta, seeded } from './oracle';
import { slowBand, slowMagnitudes, slowRowBands, slowValues } from './slow-masks';

/** Reduces an item about τ over a base of zeros, cut after the given elements. */
function reduce(item: ChunkedItem, tau: readonly number[], cuts: readonly number[]): PassOutcome {
  const borders = [...new Set([0, ...cuts.filter((cut) => cut < tau.length), tau.length])].sort(
    (x, y) => x - y,
  );
  const reducer = prepare(item, new Scratch());
  const outcomes: PassOutcome[] = [];
  for (let k = 0; k + 1 < borders.length || k === 0; k++) {
    const start = borders[k] as number;
    const end = borders[k + 1] ?? start;
    const files = [tau.map(() => 0), tau];
    const bytes = spansOf(item).map((_, s) => bytesOf(Float64Array.from((files[s] ?? []).slice(start, end))));
    outcomes.push(reducer({ start, end, bytes }));
  }
  return outcomes.reduce(merge);
}

const delta = (count: number) => ({
  base: doubles(count),
  task: { kind: 'dense' as const, span: doubles(count) },
});

const entry = fc.oneof(
  { weight: 10, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
  { weight: 6, arbitrary: fc.constantFrom(0, -0, 1, -1, 0.75, 5e-324, 2 ** -1022, 1e-310) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
);
const entries = fc.array(entry, { maxLength: 60 });
const cuts = fc.array(fc.nat(60), { maxLength: 4 });

function assertSketch(actual: Magnitudes, expected: Magnitudes): void {
  const { energies, ...rest } = actual;
  const { energies: wanted, ...others } = expected;
  assert.deepEqual(rest, others);
  energies.forEach((energy, k) => assert.ok(isClose(energy, wanted[k] ?? NaN, 1e-12, 1e-300)));
}

test('a sketch has every finite size in its bin, however the tensor is cut', () => {
  fc.assert(
    fc.property(entries, cuts, fc.constantFrom(0, 3, 8), (tau, at, mantissaBits) => {
      const found = reduce({ kind: 'magnitudes', ...delta(tau.length), mantissaBits }, tau, at);
      assert.ok(found.kind === 'magnitudes');
      assertSketch(found, slowMagnitudes(tau, mantissaBits));
      assertSketch(coarsen(found, 0), slowMagnitudes(tau, 0));
    }),
    { numRuns: 80 },
  );
});

test('the edges of bins are the powers of two and what lies evenly between them', () => {
  assert.equal(binEdge(0, 3), 0);
  assert.equal(binEdge(1023 * 8, 3), 1);
  assert.equal(binEdge(1023 * 8 + 3, 3), 1.375);
  assert.equal(binEdge(1024 * 8, 3), 2);
});

test('a sketch and then the values of two bins give the exact energy between any two cuts', () => {
  fc.assert(
    fc.property(
      entries,
      cuts,
      fc.constantFrom(0, 0.05, 0.3, 0.5),
      fc.constantFrom(0, 0.15, 0.5, 0.85, 1),
      (tau, at, drop, keep) => {
        const mantissaBits = 1;
        const sketch = reduce({ kind: 'magnitudes', ...delta(tau.length), mantissaBits }, tau, at);
        assert.ok(sketch.kind === 'magnitudes');
        const band = bandOf(sketch.count - sketch.skipped, keep, drop);
        const plan = planBand(sketch, band.dropped, band.kept);
        const { bins } = plan;
        const item = { kind: 'magnitudeValues' as const, ...delta(tau.length), mantissaBits, bins };
        const values = reduce(item, tau, at);
        assert.ok(values.kind === 'magnitudeValues');
        const expected = slowValues(tau, mantissaBits, bins).runs;
        const whole = values.runs.reduce(mergeRuns, {
          values: new Float64Array(0),
          counts: new Float64Array(0),
        });
        assert.deepEqual(whole.values.length === 0 ? [] : [whole], expected);
        const found = bandEnergy(plan, values);
        const wanted = slowBand(tau, keep, drop);
        assert.equal(band.kept, wanted.kept);
        assert.ok(isClose(found.kept, wanted.energy, 1e-12, 1e-300), `${found.kept}, not ${wanted.energy}`);
        assert.ok(isClose(found.dropped, wanted.dropped, 1e-12, 1e-300));
      },
    ),
    { numRuns: 200 },
  );
});

test('the bands of rows agree with sorting every row, wherever chunks begin', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 5 }),
      fc.infiniteStream(entry),
      fc.constantFrom(0, 0.1, 0.34),
      fc.constantFrom(0, 0.15, 0.66),
      (rowLength, rows, stream, drop, keep) => {
        const tau = [...stream.take(rowLength * rows)];
        const item = { kind: 'rowBands' as const, ...delta(tau.length), rowLength, keep, drop };
        const found = reduce(item, tau, [rowLength, 2 * rowLength]);
        const expected = slowRowBands(tau, rowLength, keep, drop);
        assert.ok(found.kind === 'rowBands');
        assert.equal(found.kept, expected.kept);
        assert.ok(isClose(found.energy, expected.energy, 1e-12, 1e-300));
        assert.ok(isClose(found.dropped, expected.dropped, 1e-12, 1e-300));
        assertSketch(found.sketch, expected.sketch);
      },
    ),
    { numRuns: 80 },
  );
});

test('rows longer than a block, and rows of an adapter, agree with sorting as well', () => {
  const random = seeded(5);
  const lowRank = randomDelta(3, 5000, 4, random);
  const tau = product(lowRank);
  const item = { base: doubles(tau.length, [3, 5000]), rowLength: 5000, keep: 0.3, drop: 0.01 };
  const found = reduce({ kind: 'rowBands', ...item, task: { kind: 'lowRank', delta: lowRank } }, tau, [5000]);
  const expected = slowRowBands(tau, 5000, 0.3, 0.01);
  assert.ok(found.kind === 'rowBands');
  assert.equal(found.kept, expected.kept);
  assert.ok(isClose(found.energy, expected.energy, 1e-9));
});

test('the largest of a range come first, whatever the order and the ties', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
      fc.nat(45),
      (values, largest) => {
        const array = Float64Array.from([99, ...values, -1]);
        moveLargest(array, 1, values.length + 1, largest);
        const sorted = [...values].sort((x, y) => y - x);
        const top = (list: readonly number[]) => list.slice(0, largest).sort((x, y) => y - x);
        assert.deepEqual(top([...array.slice(1, -1)]), top(sorted));
        assert.deepEqual([array[0], array.at(-1)], [99, -1]);
      },
    ),
    { numRuns: 200 },
  );
});
