import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { spansOf } from '../../src/tensor/chunks';
import { bytesFor } from '../../src/tensor/decode';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import type { GroupSums, GroupTask, Moments, PassOutcome } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';
import { MOST_TASKS, VectorKernels, type VectorDtype } from '../../src/tensor/wasm/vector-kernels';
import { eightBit, isClose, seeded, sixteenBit, slowInner, slowMoments, slowPair } from './oracle';

const FOLDER = path.resolve(__dirname, '../../dist');
const FILE = path.join(FOLDER, 'tensor-kernels.wasm');
assert.ok(fs.existsSync(FILE), 'these tests need the compiled kernels: npm run build');
/** The kernels with fused multiply-add where they are to be had, and those without. */
const VARIANTS = [VectorKernels.loadBest(FOLDER), VectorKernels.load(FILE)] as readonly VectorKernels[];
assert.ok(!VARIANTS.includes(null as never), 'these tests need a processor with vector instructions');
const vectors = VARIANTS[0] as VectorKernels;

/**
 * Pairs and groups are summed in float32 over runs (assembly/short-runs.ts): at most 16 roundings of a lane's sum, two
 * for a difference of F32 numbers and one for its square. What is put together from θ₀ and τ may be off by three times
 * that, as a group has ‖τ‖ ≤ ‖θ₀‖/2 then.
 */
const RUNS = 19 * 2 ** -24;
const TOGETHER = 3 * RUNS;

const DTYPES = ['BF16', 'F16', 'F32', 'F8_E4M3', 'F8_E5M2'] as const;
const BITS = { BF16: [8, 7], F16: [5, 10], F32: [8, 23], F8_E4M3: [4, 3], F8_E5M2: [5, 2] } as const;

/** A tensor as bytes and as numbers. */
interface Tensor {
  readonly bytes: Uint8Array;
  readonly values: readonly number[];
}

/** The tensor of these bit patterns. */
function tensorOf(dtype: VectorDtype, codes: readonly number[]): Tensor {
  if (dtype === 'F8_E4M3' || dtype === 'F8_E5M2') {
    return { bytes: Uint8Array.from(codes), values: codes.map((code) => eightBit(dtype, code)) };
  }
  const array = dtype === 'F32' ? Uint32Array.from(codes) : Uint16Array.from(codes);
  const bytes = new Uint8Array(array.buffer);
  const values =
    dtype === 'F32' ? [...new Float32Array(array.buffer)] : codes.map((code) => sixteenBit(dtype, code));
  return { bytes, values };
}

/** Positive patterns that are no finite number: infinity and a NaN, or the one NaN that E4M3 has. */
function notFinite(dtype: VectorDtype): readonly [number, number] {
  if (dtype === 'F8_E4M3') return [127, 127];
  const infinity = (2 ** BITS[dtype][0] - 1) * 2 ** BITS[dtype][1];
  return [infinity, infinity + 1];
}

function spanOf(dtype: VectorDtype, count: number): TensorSpan {
  return { path: '/nowhere', offset: 0, bytes: bytesFor(dtype, count), dtype, shape: [count], count };
}

function groupOf(dtype: VectorDtype, count: number, tasks: number): ChunkedItem {
  const span = spanOf(dtype, count);
  const dense = Array.from({ length: tasks }, (): GroupTask => ({ kind: 'dense', span }));
  return { kind: 'group', base: span, tasks: dense, elementwise: true };
}

/** Reduces an item with the bytes of each chunk in the kernels' memory, cut after the given elements. */
function reduce(
  item: ChunkedItem,
  files: readonly Uint8Array[],
  count: number,
  cuts: readonly number[] = [],
  kernels = vectors,
) {
  const inside = cuts.filter((cut) => cut > 0 && cut < count);
  const borders = [...new Set([0, ...inside, count])].sort((x, y) => x - y);
  const reducer = prepare(item, new Scratch(kernels));
  const outcomes: PassOutcome[] = [];
  for (let k = 0; k + 1 < borders.length || k === 0; k++) {
    const start = borders[k] as number;
    const end = borders[k + 1] ?? start;
    const parts = spansOf(item).map((span, s) =>
      (files[s] as Uint8Array).subarray(bytesFor(span.dtype, start), bytesFor(span.dtype, end)),
    );
    const bytes = kernels.room(parts.map((part) => part.length));
    assert.ok(bytes !== null && kernels.holds(bytes));
    bytes.forEach((into, s) => into.set(parts[s] as Uint8Array));
    outcomes.push(reducer({ start, end, bytes }));
  }
  return outcomes.reduce(merge);
}

function assertMoments(actual: PassOutcome, values: readonly number[]): void {
  const expected = slowMoments(values);
  assert.ok(actual.kind === 'moments');
  assert.deepEqual(
    [actual.count, actual.finite, actual.zeros, actual.nan, actual.inf, actual.nonFinite],
    [expected.count, expected.finite, expected.zeros, expected.nan, expected.inf, expected.nonFinite],
  );
  // Not Object.is: which of two zeros is the smaller is nobody's business.
  assert.ok(actual.min === expected.min && actual.max === expected.max);
  assert.ok(isClose(actual.l1, expected.l1, 1e-13), `l1 ${actual.l1}, expected ${expected.l1}`);
  assert.ok(isClose(actual.squares, expected.squares, 1e-13));
  assert.ok(isClose(actual.mean, expected.mean, 1e-13, expected.l1 / Math.max(1, expected.finite)));
  assert.ok(isClose(actual.m2, expected.m2, 1e-12), `m2 ${actual.m2}, expected ${expected.m2}`);
}

function assertGroup(actual: PassOutcome, base: readonly number[], tasks: readonly (readonly number[])[]) {
  assert.ok(actual.kind === 'group');
  assert.equal(actual.count, base.length);
  assert.ok(isClose(actual.baseSquares, slowMoments(base).squares, RUNS));
  tasks.forEach((task, t) => assertTask(actual.tasks[t], base, task));
  const deltas = tasks.map((task) => task.map((y, i) => y - (base[i] as number)));
  const size = tasks.length;
  deltas.forEach((x, i) =>
    deltas.forEach((y, j) => {
      const found = actual.gram[i * size + j] as number;
      const scale = Math.sqrt((actual.gram[i * size + i] as number) * (actual.gram[j * size + j] as number));
      assert.ok(isClose(found, slowInner(base, x, y), RUNS, scale), `gram ${i},${j}`);
      assert.equal(found, actual.gram[j * size + i], 'symmetric');
    }),
  );
}

function assertTask(
  actual: GroupSums['tasks'][number] | undefined,
  base: readonly number[],
  task: readonly number[],
) {
  const expected = slowPair(base, task);
  assert.ok(actual);
  assert.deepEqual(
    [actual.identical, actual.signFlips, actual.skipped],
    [expected.identical, expected.signFlips, expected.skipped],
  );
  const { deltaAbsMax } = expected;
  // Some of the differences are rounded to float32.
  assert.ok(isClose(actual.deltaAbsMax ?? NaN, deltaAbsMax, 2 ** -24), 'deltaAbsMax');
  assert.ok(isClose(actual.taskSquares, expected.taskSquares, TOGETHER), 'taskSquares');
  assert.ok(isClose(actual.deltaSquares, expected.deltaSquares, RUNS), 'deltaSquares');
  const norms = Math.sqrt(slowMoments(base).squares) * Math.sqrt(expected.taskSquares);
  assert.ok(
    isClose(actual.dot, expected.dot, TOGETHER, norms),
    `dot ${actual.dot}, expected ${expected.dot}`,
  );
}

/** Bit patterns of any kind, those that break careless code among them. */
function anyCode(dtype: VectorDtype): fc.Arbitrary<number> {
  const [exponent, mantissa] = BITS[dtype];
  const [infinity, nan] = notFinite(dtype);
  const sign = 2 ** (exponent + mantissa);
  const special = [0, 1, 2 ** mantissa - 1, 2 ** mantissa, infinity - 1];
  return fc.oneof(
    { weight: 120, arbitrary: fc.nat(infinity - 1) },
    { weight: 60, arbitrary: fc.nat(infinity - 1).map((code) => sign + code) },
    { weight: 20, arbitrary: fc.constantFrom(...special, ...special.map((code) => sign + code)) },
    // Seldom, so that most lists have none.
    { weight: 1, arbitrary: fc.constantFrom(infinity, nan, sign + infinity, sign + nan) },
  );
}

for (const dtype of DTYPES) {
  const cuts = fc.array(fc.nat(80), { maxLength: 3 });

  test(`moments of any ${dtype} bit patterns agree with the definition, however they are cut`, () => {
    fc.assert(
      fc.property(fc.array(anyCode(dtype), { maxLength: 80 }), cuts, (codes, at) => {
        const { bytes, values } = tensorOf(dtype, codes);
        const item: ChunkedItem = { kind: 'moments', span: spanOf(dtype, codes.length) };
        assertMoments(reduce(item, [bytes], codes.length, at), values);
      }),
    );
  });

  test(`pairs and groups of any ${dtype} bit patterns agree with the definition, however they are cut`, () => {
    const groups = fc.tuple(fc.nat(80), fc.integer({ min: 2, max: 6 })).chain(([count, tensors]) => {
      const codes = fc.array(anyCode(dtype), { minLength: count, maxLength: count });
      return fc.array(codes, { minLength: tensors, maxLength: tensors });
    });
    fc.assert(
      fc.property(groups, cuts, (codes, at) => {
        const [base, ...tasks] = codes.map((each) => tensorOf(dtype, each)) as [Tensor, ...Tensor[]];
        const count = base.values.length;
        const files = [base, ...tasks].map(({ bytes }) => bytes);
        const outcome = reduce(groupOf(dtype, count, tasks.length), files, count, at);
        assertGroup(
          outcome,
          base.values,
          tasks.map(({ values }) => values),
        );
      }),
    );
  });
}

/** Patterns of random sign and mantissa whose exponent is one of `exponents`, the first being the subnormals' 0. */
function randomCodes(dtype: VectorDtype, count: number, exponents: readonly number[], random: () => number) {
  const [exponent, mantissa] = BITS[dtype];
  const pick = (below: number) => Math.floor(random() * below);
  return Array.from({ length: count }, () => {
    const field = exponents[pick(exponents.length)] as number;
    return pick(2) * 2 ** (exponent + mantissa) + field * 2 ** mantissa + pick(2 ** mantissa);
  });
}

/** The same patterns, of which one in three differs in its last bit: a fine-tune of a few steps. */
function nudged(codes: readonly number[], random: () => number): number[] {
  return codes.map((code) => (random() < 0.3 ? (code % 2 === 0 ? code + 1 : code - 1) : code));
}

const SIZES: Record<string, (dtype: VectorDtype) => readonly number[]> = {
  usual: (dtype) => [-8, -7, -6, -5].map((power) => Math.max(1, power + bias(dtype))),
  huge: (dtype) => [2 * bias(dtype), 2 * bias(dtype) - 1],
  tiny: () => [0, 1, 2],
  'very different': (dtype) => [0, 1, bias(dtype), 2 * bias(dtype)],
};

function bias(dtype: VectorDtype): number {
  return 2 ** (BITS[dtype][0] - 1) - 1;
}

for (const dtype of DTYPES) {
  for (const [name, exponents] of Object.entries(SIZES)) {
    test(`many blocks of ${name} ${dtype} numbers agree with the definition: unrelated, near-identical, spoiled`, () => {
      const random = seeded(7);
      const count = 9 * 2048 + 77;
      const base = randomCodes(dtype, count, exponents(dtype), random);
      const other = randomCodes(dtype, count, exponents(dtype), random);
      const near = nudged(base, random);
      const spoiled = [...near];
      const [infinity, nan] = notFinite(dtype);
      [3000, 3001, 12_345, count - 1].forEach((at, n) => (spoiled[at] = n % 2 === 0 ? infinity : nan));
      const [zero, ...tasks] = [base, other, near, base, spoiled].map((codes) => tensorOf(dtype, codes)) as [
        Tensor,
        ...Tensor[],
      ];
      const values = tasks.map((task) => task.values);
      const cuts = [7000, 7008, 16_001];
      for (const [t, task] of tasks.entries()) {
        const pair = reduce(groupOf(dtype, count, 1), [zero.bytes, task.bytes], count, cuts);
        assertGroup(pair, zero.values, [values[t] ?? []]);
        const item: ChunkedItem = { kind: 'moments', span: spanOf(dtype, count) };
        assertMoments(reduce(item, [task.bytes], count, cuts), task.values);
      }
      const files = [zero, ...tasks].map(({ bytes }) => bytes);
      assertGroup(reduce(groupOf(dtype, count, 4), files, count, cuts), zero.values, values);
      // The spoiled one as base, and an odd number of tasks.
      const turned = [...files].reverse();
      const reversed = [zero.values, ...values].reverse();
      assertGroup(
        reduce(groupOf(dtype, count, 3), turned.slice(0, 4), count, cuts),
        reversed[0] ?? [],
        reversed.slice(1, 4),
      );
    });
  }

  test(`the kernels take all whole eights of finite ${dtype} elements, and stop before what is not finite`, () => {
    const codes = randomCodes(dtype, 10_005, [bias(dtype)], seeded(9));
    const [infinity] = notFinite(dtype);
    for (const tasks of [1, 2]) {
      const files = Array.from({ length: tasks + 1 }, () => tensorOf(dtype, codes).bytes);
      const bytes = vectors.room(files.map(({ length }) => length)) ?? [];
      bytes.forEach((into, s) => into.set(files[s] as Uint8Array));
      vectors.startGroup(bytes);
      assert.equal(vectors.addGroup(dtype, tasks, 0, 10_005), 10_000);
      bytes.at(-1)?.set(tensorOf(dtype, codes.with(5000, infinity)).bytes);
      vectors.startGroup(bytes);
      const stopped = vectors.addGroup(dtype, tasks, 0, 10_005);
      assert.ok(stopped <= 5000 && stopped > 5000 - 2048 && stopped % 8 === 0);
      assert.equal(vectors.taskSums(dtype, tasks - 1).identical, stopped);
    }
  });
}

for (const dtype of DTYPES) {
  for (const [v, kernels] of VARIANTS.entries()) {
    const how = v === 0 ? 'the best kernels' : 'those without fused multiply-add';
    test(`${dtype} fine-tunes agree with the definition by ${how}: zeros of both signs, flips, large jumps`, () => {
      // Around 1: zeros, and entries near them, flip their signs in any task.
      const middle = [-1, 0].map((power) => power + bias(dtype));
      const sign = 2 ** (BITS[dtype][0] + BITS[dtype][1]);
      for (const count of [8, 240, 1928, 5000]) {
        const random = seeded(count);
        const base = randomCodes(dtype, count, middle, random);
        const tune = () =>
          base.map((code) => {
            const chance = random();
            if (chance < 0.3) return code;
            if (chance < 0.31) return (code + sign) % (2 * sign);
            if (chance < 0.32) return chance < 0.315 ? 0 : sign;
            return code % 2 === 0 ? code + 1 : code - 1;
          });
        const zeros = base.map((code, i) => (i % 97 === 5 ? (i % 2) * sign : code));
        const codes = [zeros, ...Array.from({ length: 5 }, tune)];
        const [zero, ...tasks] = codes.map((each) => tensorOf(dtype, each)) as [Tensor, ...Tensor[]];
        const files = [zero, ...tasks].map(({ bytes }) => bytes);
        const values = tasks.map((task) => task.values);
        for (const size of [1, 2, 3, 5]) {
          const item = groupOf(dtype, count, size);
          const outcome = reduce(item, files.slice(0, size + 1), count, [], kernels);
          assertGroup(outcome, zero.values, values.slice(0, size));
        }
      }
    });
  }
}

test('squares that float32 has no room for, and signs of the smallest numbers, are not lost', () => {
  const count = 64;
  const pairs = [
    [1.5e19, -1.5e19],
    [1e38, 1e38],
    [1e-42, -1e-42],
    [1, -1e-45],
    [1e-25, 2e-25],
    [1, 1 + 2 ** -23],
  ] as const;
  for (const [x, y] of pairs) {
    const [base, task] = [x, y].map((value) => new Float32Array(count).fill(value)) as [
      Float32Array,
      Float32Array,
    ];
    const files = [base, task, base].map((array) => new Uint8Array(array.buffer));
    for (const size of [1, 2]) {
      const outcome = reduce(groupOf('F32', count, size), files.slice(0, size + 1), count);
      assertGroup(outcome, [...base], [[...task], [...base]].slice(0, size));
    }
  }
});

test('the largest group that the kernels take agrees with the definition', () => {
  const random = seeded(11);
  const tensors = Array.from({ length: MOST_TASKS + 1 }, () =>
    tensorOf('BF16', randomCodes('BF16', 300, [120, 121], random)),
  );
  const [base, ...tasks] = tensors.map(({ values }) => values);
  const files = tensors.map(({ bytes }) => bytes);
  assertGroup(reduce(groupOf('BF16', 300, MOST_TASKS), files, 300), base ?? [], tasks);
});

test('one task more than the kernels take goes another way to the same figures', () => {
  const random = seeded(12);
  const tensors = Array.from({ length: MOST_TASKS + 2 }, () =>
    tensorOf('F16', randomCodes('F16', 40, [14, 15], random)),
  );
  const [base, ...tasks] = tensors.map(({ values }) => values);
  const files = tensors.map(({ bytes }) => bytes);
  assertGroup(reduce(groupOf('F16', 40, MOST_TASKS + 1), files, 40), base ?? [], tasks);
});

test('sums of one chunk leave nothing behind for the next', () => {
  const random = seeded(13);
  const run = (tasks: number) => {
    const tensors = Array.from({ length: tasks + 1 }, () =>
      tensorOf('F32', randomCodes('F32', 600, [120, 126], random)),
    );
    const [base, ...values] = tensors.map((tensor) => tensor.values);
    const files = tensors.map(({ bytes }) => bytes);
    assertGroup(reduce(groupOf('F32', 600, tasks), files, 600), base ?? [], values);
  };
  for (const tasks of [5, 1, 4, 3, 1, 2]) run(tasks);
});

for (const dtype of DTYPES) {
  test(`fifty million ${dtype} entries of a near-identical pair keep seven digits, their moments twelve`, () => {
    const random = seeded(14);
    const codes = randomCodes(dtype, 65_536, [bias(dtype) - 5, bias(dtype) - 6], random);
    const [base, task] = [codes, nudged(codes, random)].map((each) => tensorOf(dtype, each)) as [
      Tensor,
      Tensor,
    ];
    const repeats = Math.ceil(50e6 / 65_536);
    const bytes = vectors.room([base.bytes.length, task.bytes.length]) ?? [];
    bytes[0]?.set(base.bytes);
    bytes[1]?.set(task.bytes);
    const count = 65_536 * repeats;
    const reducer = prepare(groupOf(dtype, count, 1), new Scratch(vectors));
    const moments = prepare({ kind: 'moments', span: spanOf(dtype, count) }, new Scratch(vectors));
    let sums: PassOutcome | null = null;
    let spread: PassOutcome | null = null;
    for (let k = 0; k < repeats; k++) {
      const place = { start: k * 65_536, end: (k + 1) * 65_536 };
      const part = reducer({ ...place, bytes });
      const own = moments({ ...place, bytes: bytes.slice(0, 1) });
      sums = sums === null ? part : merge(sums, part);
      spread = spread === null ? own : merge(spread, own);
    }
    const expected = slowPair(base.values, task.values);
    const [found] = (sums as unknown as GroupSums).tasks;
    assert.ok(isClose(found?.dot ?? NaN, expected.dot * repeats, 1e-7));
    assert.ok(isClose(found?.taskSquares ?? NaN, expected.taskSquares * repeats, 1e-7));
    assert.ok(isClose(found?.deltaSquares ?? NaN, expected.deltaSquares * repeats, 1e-7));
    assert.equal(found?.identical, expected.identical * repeats);
    const m2 = slowMoments(base.values).m2;
    assert.ok(isClose((spread as unknown as Moments).m2, m2 * repeats, 1e-12));
  });
}

test('the spread of numbers far from zero keeps its digits', () => {
  const random = seeded(15);
  const values = Float32Array.from({ length: 5000 }, () => 1000 + Math.round(random() * 1024) / 1024);
  const item: ChunkedItem = { kind: 'moments', span: spanOf('F32', values.length) };
  const outcome = reduce(item, [new Uint8Array(values.buffer)], values.length);
  assertMoments(outcome, [...values]);
});

test('bytes that are not in the kernels’ memory are summed all the same', () => {
  const random = seeded(16);
  const [base, task] = [1, 2].map(() => tensorOf('BF16', randomCodes('BF16', 5000, [120, 121], random))) as [
    Tensor,
    Tensor,
  ];
  const reducer = prepare(groupOf('BF16', 5000, 1), new Scratch(vectors));
  assertGroup(reducer({ start: 0, end: 5000, bytes: [base.bytes, task.bytes] }), base.values, [task.values]);
});

test('there is no room for more than the memory holds, and no kernels without their file', () => {
  assert.equal(vectors.room([2 ** 22, 2 ** 21]), null);
  assert.equal(vectors.room([2 ** 22])?.[0]?.length, 2 ** 22);
  assert.equal(VectorKernels.load('/no/such/file.wasm'), null);
  assert.equal(VectorKernels.load(__filename), null);
});
