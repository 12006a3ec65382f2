import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesFor } from '../../src/tensor/decode';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import type { GroupSums, GroupTask, LowRankDelta, Moments, PassOutcome } from '../../src/tensor/pass';
import { spansOf } from '../../src/tensor/chunks';
import {
  bytesOf,
  doubles,
  isClose,
  product,
  randomDelta,
  seeded,
  sixteenBit,
  slowHistogram,
  slowInner,
  slowMoments,
  slowPair,
} from './oracle';

/** Reduces an item chunk by chunk, cut after the given elements; `files` are the bytes of its spans in order. */
function reduce(
  item: ChunkedItem,
  files: readonly Uint8Array[],
  count: number,
  cuts: readonly number[] = [],
) {
  const borders = [...new Set([0, ...cuts.filter((cut) => cut > 0 && cut < count), count])].sort(
    (x, y) => x - y,
  );
  const reducer = prepare(item, new Scratch());
  const outcomes: PassOutcome[] = [];
  for (let k = 0; k + 1 < borders.length || k === 0; k++) {
    const start = borders[k] as number;
    const end = borders[k + 1] ?? start;
    const bytes = spansOf(item).map((span, s) =>
      (files[s] as Uint8Array).slice(bytesFor(span.dtype, start), bytesFor(span.dtype, end)),
    );
    outcomes.push(reducer({ start, end, bytes }));
  }
  return outcomes.reduce(merge);
}

const dense = (count: number): GroupTask => ({ kind: 'dense', span: doubles(count) });
const lowRank = (delta: LowRankDelta): GroupTask => ({ kind: 'lowRank', delta });

/** Doubles as checkpoints have them, with the rare entries that break careless code. */
const entry = fc.oneof(
  { weight: 20, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, -0, 5e-324, -5e-324, 1e-200, -1e-200) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
);
const entries = fc.array(entry, { maxLength: 60 });
const cuts = fc.array(fc.nat(60), { maxLength: 5 });

function assertMoments(actual: PassOutcome, expected: ReturnType<typeof slowMoments>): void {
  assert.equal(actual.kind, 'moments');
  const { mean, m2, l1, squares, min, max, ...counts } = actual;
  const { mean: mean0, m2: m20, l1: l10, squares: squares0, min: min0, max: max0, ...counts0 } = expected;
  assert.deepEqual(counts, counts0);
  assert.ok(
    isClose(min, min0, 1e-12) && isClose(max, max0, 1e-12),
    `${min} to ${max}, not ${min0} to ${max0}`,
  );
  // Below this, squares are subnormal and have fewer digits.
  const least = 1e-300;
  const size = Math.max(Math.sqrt(squares0), least);
  assert.ok(isClose(mean, mean0, 1e-12, size), `mean ${mean}, expected ${mean0}`);
  assert.ok(isClose(m2, m20, 1e-12, Math.max(squares0, least)), `m2 ${m2}, expected ${m20}`);
  assert.ok(isClose(l1, l10, 1e-12, least), `l1 ${l1}, expected ${l10}`);
  assert.ok(isClose(squares, squares0, 1e-12, least), `squares ${squares}, expected ${squares0}`);
}

test('moments agree with the definition however the tensor is cut, NaN and infinities included', () => {
  fc.assert(
    fc.property(entries, cuts, (values, at) => {
      const item: ChunkedItem = { kind: 'moments', span: doubles(values.length) };
      const outcome = reduce(item, [bytesOf(Float64Array.from(values))], values.length, at);
      assertMoments(outcome, slowMoments(values));
    }),
  );
});

test('moments of a tensor of many blocks agree with the definition, odd length and late NaN included', () => {
  const random = seeded(1);
  const values = Array.from({ length: 9001 }, () => random() - 0.5);
  values[8999] = NaN;
  values[4096] = -Infinity;
  const item: ChunkedItem = { kind: 'moments', span: doubles(values.length) };
  const outcome = reduce(item, [bytesOf(Float64Array.from(values))], values.length, [1000, 5001]);
  assertMoments(outcome, slowMoments(values));
});

test('the spread keeps its digits where the mean is ten million times larger', () => {
  const random = seeded(2);
  const spread = Array.from({ length: 200_000 }, () => Math.round(random() * 1024) / 1024);
  const values = spread.map((x) => x + 1e7);
  const item: ChunkedItem = { kind: 'moments', span: doubles(values.length) };
  const outcome = reduce(item, [bytesOf(Float64Array.from(values))], values.length, [65_536, 131_072]);
  // The shift is exact in float64, so the deviations are those of the unshifted numbers.
  const expected = slowMoments(spread).m2;
  assert.ok(
    isClose((outcome as Moments).m2, expected, 1e-9),
    `${(outcome as Moments).m2}, expected ${expected}`,
  );
});

test('only the first eight entries that are not finite are named, in order, across chunks', () => {
  const values = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? NaN : i % 7 === 0 ? Infinity : 1));
  const item: ChunkedItem = { kind: 'moments', span: doubles(40) };
  const outcome = reduce(item, [bytesOf(Float64Array.from(values))], 40, [8, 16, 24, 32]) as Moments;
  assert.deepEqual(
    outcome.nonFinite.map(({ index }) => index),
    [0, 3, 6, 7, 9, 12, 14, 15],
  );
});

test('histograms count as numpy does, for even and uneven edges, values on edges included', () => {
  const edgeSets = fc.oneof(
    fc.integer({ min: 1, max: 9 }).map((n) => Array.from({ length: n + 1 }, (_, k) => -2 + (4 * k) / n)),
    fc
      .array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 9 })
      .map((edges) => edges.sort((x, y) => x - y)),
    fc.constant([1, 1]),
    fc.constant([]),
  );
  fc.assert(
    fc.property(entries, cuts, edgeSets, (values, at, edges) => {
      const all = [...values, ...edges, 1];
      const item: ChunkedItem = {
        kind: 'histogram',
        span: doubles(all.length),
        edges: Float64Array.from(edges),
      };
      const outcome = reduce(item, [bytesOf(Float64Array.from(all))], all.length, at);
      assert.ok(outcome.kind === 'bins');
      assert.deepEqual([...outcome.counts], slowHistogram(all, edges));
    }),
  );
});

function assertTask(
  actual: GroupSums['tasks'][number] | undefined,
  expected: ReturnType<typeof slowPair>,
  scale = 1e-300,
): void {
  assert.ok(actual);
  const { taskSquares, dot, deltaSquares, deltaAbsMax, ...counts } = actual;
  const { taskSquares: y, dot: xy, deltaSquares: d, deltaAbsMax: largest, ...counts0 } = expected;
  assert.deepEqual(counts, counts0);
  assert.ok(isClose(taskSquares, y, 1e-12, scale), `taskSquares ${taskSquares}, expected ${y}`);
  assert.ok(isClose(dot, xy, 1e-11, Math.max(y + d, scale)), `dot ${dot}, expected ${xy}`);
  assert.ok(isClose(deltaSquares, d, 1e-12, scale), `deltaSquares ${deltaSquares}, expected ${d}`);
  assert.ok(deltaAbsMax !== null && isClose(deltaAbsMax, largest, 1e-12, scale));
}

for (const dtype of ['F32', 'F64'] as const) {
  test(`a group of ${dtype} agrees with the definition however it is cut; what is not finite is skipped`, () => {
    const groups = fc
      .nat(50)
      .chain((count) =>
        fc.array(fc.array(entry, { minLength: count, maxLength: count }), { minLength: 1, maxLength: 4 }),
      );
    const stored = (x: number) => (dtype === 'F32' ? Math.fround(x) : x);
    fc.assert(
      fc.property(groups, cuts, (numbers, at) => {
        const [base = [], ...tasks] = numbers.map((values) => values.map(stored));
        const count = base.length;
        const span = { ...doubles(count), dtype, bytes: bytesFor(dtype, count) };
        const dense = tasks.map((): GroupTask => ({ kind: 'dense', span }));
        const item: ChunkedItem = { kind: 'group', base: span, tasks: dense, elementwise: true };
        const files = [base, ...tasks].map((values) =>
          bytesOf(dtype === 'F32' ? Float32Array.from(values) : Float64Array.from(values)),
        );
        const outcome = reduce(item, files, count, at) as GroupSums;
        assert.equal(outcome.count, count);
        assert.ok(isClose(outcome.baseSquares, slowMoments(base).squares, 1e-12));
        tasks.forEach((task, t) => assertTask(outcome.tasks[t], slowPair(base, task)));
        assertGram(outcome, base, tasks);
      }),
    );
  });
}

function assertGram(
  outcome: GroupSums,
  base: readonly number[],
  tasks: readonly (readonly number[])[],
): void {
  const deltas = tasks.map((task) => task.map((y, i) => y - (base[i] as number)));
  const size = tasks.length;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const expected = slowInner(base, deltas[i] ?? [], deltas[j] ?? []);
      const actual = outcome.gram[i * size + j] as number;
      assert.equal(actual, outcome.gram[j * size + i], 'symmetric');
      const scale = (outcome.gram[i * size + i] as number) + (outcome.gram[j * size + j] as number);
      assert.ok(isClose(actual, expected, 1e-12, scale), `gram ${i},${j}: ${actual}, expected ${expected}`);
    }
  }
}

const SIXTEEN_BIT = ['F16', 'BF16'] as const;
for (const from of SIXTEEN_BIT) {
  for (const to of SIXTEEN_BIT) {
    test(`a pair ${from} against ${to} agrees with the same numbers in float64, any bit patterns`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(65535), fc.nat(65535)), { maxLength: 50 }),
          cuts,
          (codes, at) => {
            const count = codes.length;
            const [x, y] = [0, 1].map((side) => Uint16Array.from(codes, (pair) => pair[side] as number)) as [
              Uint16Array,
              Uint16Array,
            ];
            const span = (dtype: 'F16' | 'BF16') => ({ ...doubles(count), dtype, bytes: count * 2 });
            const item: ChunkedItem = {
              kind: 'group',
              base: span(from),
              tasks: [{ kind: 'dense', span: span(to) }],
              elementwise: false,
            };
            const outcome = reduce(item, [bytesOf(x), bytesOf(y)], count, at) as GroupSums;
            const base = [...x].map((code) => sixteenBit(from, code));
            const task = [...y].map((code) => sixteenBit(to, code));
            assertTask(outcome.tasks[0], slowPair(base, task));
            assert.ok(isClose(outcome.baseSquares, slowMoments(base).squares, 1e-12));
          },
        ),
      );
    });
  }
}

/** A group of both kinds over one base, its numbers, and every τ as a plain array. */
function mixedGroup(rows: number, columns: number, seed: number) {
  const random = seeded(seed);
  const numbers = () => Array.from({ length: rows * columns }, () => Math.fround(random() - 0.5));
  const base = numbers();
  const fineTunes = [numbers(), numbers()];
  const deltas = [randomDelta(rows, columns, 3, random), randomDelta(rows, columns, 6, random)];
  const taus = [
    ...fineTunes.map((task) => task.map((y, i) => y - (base[i] as number))),
    ...deltas.map(product),
  ];
  return { base, fineTunes, deltas, taus };
}

function groupItem(
  group: ReturnType<typeof mixedGroup>,
  elementwise: boolean,
): { item: Extract<ChunkedItem, { kind: 'group' }>; files: Uint8Array[] } {
  const count = group.base.length;
  // The numbers fit float32, and either type on disk has loops of its own.
  const dtype = count % 2 === 0 ? 'F32' : 'F64';
  const span = { ...doubles(count), dtype, bytes: bytesFor(dtype, count) } as const;
  const tasks: GroupTask[] = [
    ...group.fineTunes.map((): GroupTask => ({ kind: 'dense', span })),
    ...group.deltas.map(lowRank),
  ];
  const files = [group.base, ...group.fineTunes].map((values) =>
    bytesOf(dtype === 'F32' ? Float32Array.from(values) : Float64Array.from(values)),
  );
  return { item: { kind: 'group', base: span, tasks, elementwise }, files };
}

function assertMixed(outcome: GroupSums, group: ReturnType<typeof mixedGroup>, elementwise: boolean): void {
  const { base, taus } = group;
  // Numbers and factors are about 1, so that is what a τ or θ₀ + τ that happens to cancel is exact against.
  const scale = base.length;
  taus.forEach((tau, t) => {
    const task = group.fineTunes[t] ?? tau.map((d, i) => d + (base[i] as number));
    const expected = slowPair(base, task, tau);
    const actual = outcome.tasks[t];
    assert.ok(actual);
    assert.ok(isClose(actual.taskSquares, expected.taskSquares, 1e-12, scale), `taskSquares of ${t}`);
    assert.ok(isClose(actual.deltaSquares, expected.deltaSquares, 1e-12, scale), `deltaSquares of ${t}`);
    assert.ok(isClose(actual.dot, expected.dot, 1e-12, scale), `dot of ${t}`);
    if (elementwise || t < group.fineTunes.length) assertTask(actual, expected, scale);
    else assert.deepEqual([actual.deltaAbsMax, actual.identical, actual.skipped], [null, null, null]);
  });
  taus.forEach((x, i) =>
    taus.forEach((y, j) => {
      const actual = outcome.gram[i * taus.length + j] as number;
      assert.ok(isClose(actual, slowInner(base, x, y), 1e-12, scale), `gram ${i},${j}`);
      assert.equal(actual, outcome.gram[j * taus.length + i]);
    }),
  );
}

for (const elementwise of [false, true]) {
  const how = elementwise ? 'with' : 'without';
  test(`fine-tunes and adapters together agree with the formed product, ${how} elementwise figures`, () => {
    const shapes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 30 }), fc.nat(1000));
    fc.assert(
      fc.property(shapes, fc.array(fc.nat(270), { maxLength: 4 }), ([rows, columns, seed], at) => {
        const group = mixedGroup(rows, columns, seed);
        const { item, files } = groupItem(group, elementwise);
        // Cuts inside a row are cuts as well: the figures may not depend on where chunks end.
        const outcome = reduce(item, files, rows * columns, at) as GroupSums;
        assertMixed(outcome, group, elementwise);
      }),
      { numRuns: 60 },
    );
  });
}

test('adapters of rows longer than a block agree with the formed product', () => {
  const group = mixedGroup(3, 5000, 5);
  const { item, files } = groupItem(group, false);
  assertMixed(reduce(item, files, 15_000, [5000]) as GroupSums, group, false);
});

test('a NaN in the base is left out of an adapter’s sums, and nothing else is', () => {
  const group = mixedGroup(6, 7, 8);
  group.base[10] = NaN;
  group.base[33] = Infinity;
  const { item, files } = groupItem(group, false);
  const outcome = reduce(item, files, 42) as GroupSums;
  const tau = product(group.deltas[0] as LowRankDelta);
  const expected = slowPair(
    group.base,
    tau.map((d, i) => d + (group.base[i] as number)),
    tau,
  );
  assert.ok(isClose(outcome.tasks[2]?.deltaSquares ?? NaN, expected.deltaSquares, 1e-12));
  assert.ok(isClose(outcome.tasks[2]?.dot ?? NaN, expected.dot, 1e-12));
  assert.ok(isClose(outcome.tasks[2]?.taskSquares ?? NaN, expected.taskSquares, 1e-12));
});

test('a NaN in a factor spoils its own row or column of τ only', () => {
  const group = mixedGroup(6, 7, 9);
  const delta = group.deltas[0] as LowRankDelta;
  delta.b[0] = NaN;
  delta.a[2] = Infinity;
  const { item, files } = groupItem(group, true);
  const outcome = reduce(item, files, 42) as GroupSums;
  const tau = product(delta);
  const expected = slowPair(
    group.base,
    tau.map((d, i) => d + (group.base[i] as number)),
    tau,
  );
  assert.equal(expected.skipped, 7 + 5);
  assertTask(outcome.tasks[2], expected);
});

test('moments and histogram of τ agree with those of the difference, and of the formed product', () => {
  const group = mixedGroup(5, 11, 3);
  group.base[3] = Infinity;
  const count = 55;
  const edges = [-1, -0.25, 0, 0.5, 1];
  const file = (values: readonly number[]) => bytesOf(Float64Array.from(values));
  const fineTune = group.fineTunes[0] ?? [];
  const difference = fineTune.map((y, i) => y - (group.base[i] as number));
  const base = doubles(count);
  const files = [file(group.base), file(fineTune)];
  const task = dense(count);
  const at = [8, 20, 48];
  assertMoments(reduce({ kind: 'deltaMoments', base, task }, files, count, at), slowMoments(difference));
  const bins = reduce(
    { kind: 'deltaHistogram', base, task, edges: Float64Array.from(edges) },
    files,
    count,
    at,
  );
  assert.ok(bins.kind === 'bins');
  assert.deepEqual([...bins.counts], slowHistogram(difference, edges));
  const delta = group.deltas[1] as LowRankDelta;
  const formed = reduce({ kind: 'deltaMoments', base, task: lowRank(delta) }, [], count, at);
  assertMoments(formed, slowMoments(product(delta)));
});

test('fifty million entries of a mean far above the spread keep nine digits', () => {
  const random = seeded(4);
  const chunk = Array.from({ length: 65_536 }, () => 1 + Math.round(random() * 1024) / 2 ** 20);
  const task = chunk.map((x) => x + Math.round(random() * 8) / 2 ** 20);
  const [base, fineTune] = [chunk, task].map((values) => bytesOf(Float32Array.from(values))) as [
    Uint8Array,
    Uint8Array,
  ];
  const span = { ...doubles(65_536), dtype: 'F32' as const, bytes: 65_536 * 4 };
  const tasks: GroupTask[] = [{ kind: 'dense', span }];
  const group = prepare({ kind: 'group', base: span, tasks, elementwise: false }, new Scratch());
  const moments = prepare({ kind: 'moments', span }, new Scratch());
  const repeats = Math.ceil(50e6 / 65_536);
  let sums: PassOutcome | null = null;
  let spread: PassOutcome | null = null;
  for (let k = 0; k < repeats; k++) {
    const place = { start: k * 65_536, end: (k + 1) * 65_536 };
    const part = group({ ...place, bytes: [base, fineTune] });
    const own = moments({ ...place, bytes: [base] });
    sums = sums === null ? part : merge(sums, part);
    spread = spread === null ? own : merge(spread, own);
  }
  assert.ok(sums?.kind === 'group' && spread?.kind === 'moments');
  const expected = slowPair(chunk, task);
  assert.ok(isClose(sums.tasks[0]?.dot ?? NaN, expected.dot * repeats, 1e-12));
  assert.ok(isClose(sums.tasks[0]?.deltaSquares ?? NaN, expected.deltaSquares * repeats, 1e-12));
  assert.ok(isClose(spread.mean, slowMoments(chunk).mean, 1e-12));
  assert.ok(isClose(spread.m2, slowMoments(chunk).m2 * repeats, 1e-9));
});
