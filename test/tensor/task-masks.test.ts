import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spansOf } from '../../src/tensor/chunks';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import type { GroupTask, PassOutcome } from '../../src/tensor/pass';
import type { MaskCounts, SignCounts } from '../../src/tensor/task-masks';
import { bytesOf, doubles, isClose, product, randomDelta, seeded } from './oracle';
import { knownTau, slowMasks, slowSigns, tausOf, type Taus } from './slow-masks';

/** Reduces an item whose spans are all doubles, cut after the given elements. */
function reduce(item: ChunkedItem, files: readonly (readonly number[])[], cuts: readonly number[]) {
  const count = files[0]?.length ?? 0;
  const borders = [...new Set([0, ...cuts.filter((cut) => cut < count), count])].sort((x, y) => x - y);
  const reducer = prepare(item, new Scratch());
  const outcomes: PassOutcome[] = [];
  for (let k = 0; k + 1 < borders.length || k === 0; k++) {
    const start = borders[k] as number;
    const end = borders[k + 1] ?? start;
    const bytes = spansOf(item).map((_, s) => bytesOf(Float64Array.from((files[s] ?? []).slice(start, end))));
    outcomes.push(reducer({ start, end, bytes }));
  }
  return outcomes.reduce(merge);
}

/** Small whole numbers, so that ties, zeros and opposite signs are common, and the rare entry that is none. */
const entry = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
);
const studies = fc
  .tuple(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 1, max: 5 }))
  .chain(([count, tasks]) =>
    fc.array(fc.array(entry, { minLength: count, maxLength: count }), {
      minLength: tasks + 1,
      maxLength: tasks + 1,
    }),
  );
const cuts = fc.array(fc.nat(80), { maxLength: 4 });

function assertAgree(actual: PassOutcome, expected: SignCounts | MaskCounts): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  const figures = new Map<string, unknown>(Object.entries(actual));
  for (const [name, wanted] of Object.entries(expected)) {
    const found = figures.get(name);
    if (typeof wanted === 'string') assert.equal(found, wanted);
    else {
      const [x, y] = [found, wanted].map((each) =>
        typeof each === 'number' ? [each] : [...(each as Float64Array)],
      );
      assert.equal(x?.length, y?.length, name);
      x?.forEach((value, i) => {
        assert.ok(isClose(value, y?.[i] ?? NaN, 1e-12), `${name}[${i}]: ${value}, expected ${y?.[i]}`);
      });
    }
  }
}

const dense = (count: number): GroupTask => ({ kind: 'dense', span: doubles(count) });

test('sign counts agree with their definitions however the tensor is cut, entries that are not finite included', () => {
  fc.assert(
    fc.property(studies, cuts, fc.constantFrom(0, 1, 1.5), (files, at, epsilon) => {
      const [base = [], ...tasks] = files;
      const item = {
        kind: 'signs' as const,
        base: doubles(base.length),
        tasks: tasks.map(() => dense(base.length)),
        epsilon,
      };
      assertAgree(reduce(item, files, at), slowSigns(tausOf(base, tasks), base.length, epsilon));
    }),
    { numRuns: 150 },
  );
});

test('mask counts agree with their definitions however the tensor is cut, with λ per task and ties left out', () => {
  fc.assert(
    fc.property(studies, cuts, fc.constantFrom(0, 0.5, 1, 2), (files, at, lambda) => {
      const [base = [], ...tasks] = files;
      const lambdas = tasks.map((_, t) => lambda + t / 2);
      const grid = [0.5, 1];
      const item = {
        kind: 'masks' as const,
        base: doubles(base.length),
        tasks: tasks.map(() => dense(base.length)),
        lambdas,
        grid,
      };
      assertAgree(reduce(item, files, at), slowMasks(tausOf(base, tasks), base.length, lambdas, grid));
    }),
    { numRuns: 150 },
  );
});

test('fine-tunes and adapters together, over several blocks, agree with the formed product', () => {
  const random = seeded(3);
  const [rows, columns] = [7, 700];
  const count = rows * columns;
  const values = () => Array.from({ length: count }, () => Math.round(8 * random()) - 4);
  const base = values();
  const fineTune = values();
  base[2100] = NaN;
  fineTune[5] = Infinity;
  const deltas = [randomDelta(rows, columns, 5, random), randomDelta(rows, columns, 1, random)];
  const tasks: GroupTask[] = [dense(count), ...deltas.map((delta) => ({ kind: 'lowRank' as const, delta }))];
  const taus: Taus = [...tausOf(base, [fineTune]), ...deltas.map((delta) => knownTau(base, product(delta)))];
  const files = [base, fineTune];
  const span = doubles(count, [rows, columns]);
  const signs = reduce({ kind: 'signs', base: span, tasks, epsilon: 0.1 }, files, [1000, 4096]);
  assertAgree(signs, slowSigns(taus, count, 0.1));
  const lambdas = [0.4, 0.5, 0.6];
  const masks = reduce({ kind: 'masks', base: span, tasks, lambdas, grid: [0.2] }, files, [1000, 4096]);
  assertAgree(masks, slowMasks(taus, count, lambdas, [0.2]));
});
