// OFT and BOFT against explicit rotation matrices: a block of two is (1 − q², ∓2q; ±2q, 1 − q²) / (1 + q²).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, deltaOf, matrix, studyOf, times, turned, written } from './build';

const W = matrix(4, 6, 3);
const name = (part: string): string => `base_model.model.l.fc.${part}`;
const minusBase = (weight: readonly (readonly number[])[], base = W): number[] =>
  weight.flatMap((row, i) => row.map((value, j) => value - (base[i]?.[j] ?? NaN)));

/** (1 − Q)·(1 + Q)⁻¹ of Q = (0, q; −q, 0), written out. */
const turn = (q: number): number[][] =>
  [
    [1 - q * q, -2 * q],
    [2 * q, 1 - q * q],
  ].map((row) => row.map((value) => value / (1 + q * q)));

function blockDiagonal(blocks: readonly (readonly (readonly number[])[])[]): number[][] {
  const size = blocks[0]?.length ?? 0;
  return blocks.flatMap((block, b) =>
    block.map((row) =>
      Array.from({ length: size * blocks.length }, (_, j) =>
        Math.floor(j / size) === b ? (row[j % size] ?? NaN) : 0,
      ),
    ),
  );
}

const q = [0.5, -1, 0.25];

test('OFT of PEFT rotates the inputs in blocks', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('oft_R.weight')]: { shape: [3, 1], values: q } },
    config: { peft_type: 'OFT', use_cayley_neumann: false },
  });
  assertClose(await deltaOf(study, 'l.fc.weight'), minusBase(times(W, turned(blockDiagonal(q.map(turn))))));
});

test('a single block of an OFT is shared by all', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('oft_R.weight')]: { shape: [1, 1], values: [0.5] } },
    config: { peft_type: 'OFT', block_share: true },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase(times(W, turned(blockDiagonal([turn(0.5), turn(0.5), turn(0.5)])))),
  );
});

test('the series that stands for the Cayley transform has five terms: 1 + 2Q + 2Q² + 2Q³ + Q⁴', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('oft_R.weight')]: { shape: [3, 1], values: q } },
    config: { peft_type: 'OFT', use_cayley_neumann: true, num_cayley_neumann_terms: 5 },
  });
  // Q² = −q²: the series is 1 − 2q² + q⁴ on the diagonal and ±(2q − 2q³) beside it.
  const series = q.map((x) => {
    const [one, other] = [1 - 2 * x ** 2 + x ** 4, 2 * x - 2 * x ** 3];
    return [
      [one, other],
      [-other, one],
    ];
  });
  assertClose(await deltaOf(study, 'l.fc.weight'), minusBase(times(W, turned(blockDiagonal(series)))));
});

test('a rotation of larger blocks keeps the length of every row', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('oft_R.weight')]: { shape: [2, 3], values: [0.5, -1, 0.25, 2, 0.75, -0.5] } },
    config: { peft_type: 'OFT', use_cayley_neumann: false },
  });
  const delta = await deltaOf(study, 'l.fc.weight');
  const after = W.map((row, i) =>
    row.reduce((sum, value, j) => sum + (value + (delta[i * 6 + j] ?? NaN)) ** 2, 0),
  );
  assertClose(
    after,
    W.map((row) => row.reduce((sum, value) => sum + value * value, 0)),
  );
  assert.ok(delta.some((value) => Math.abs(value) > 0.1));
});

test('OFT of LyCORIS rotates the outputs by the differences of its blocks and their transposes, and rescales them', async () => {
  const blocks = q.slice(0, 2).map((x) => [
    [9, x],
    [0, 7],
  ]);
  const rescale = [1, 2, 3, 4];
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: {
      'lora_unet_l_fc.oft_blocks': { shape: [2, 2, 2], values: blocks.flat(2) },
      'lora_unet_l_fc.rescale': { shape: [4, 1], values: rescale },
      'lora_unet_l_fc.alpha': { shape: [], values: [0] },
    },
  });
  // R = (1 + Q)·(1 − Q)⁻¹ is the transpose of `turn`, and θ = Rᵀ·θ₀.
  const rotated = times(blockDiagonal(q.slice(0, 2).map(turn)), W);
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase(rotated.map((row, i) => row.map((value) => value * (rescale[i] ?? NaN)))),
  );
});

test('BOFT multiplies butterflies of rotations and scales the outputs', async () => {
  const w = matrix(3, 4, 2);
  const stored = [
    [0.5, 1],
    [-0.25, 0.75],
  ];
  const values = stored.flatMap((factor) => factor.flatMap((x) => [0, x, -x, 0]));
  const s = [1, 2, 0.5];
  const study = await studyOf({
    base: { 'l.fc.weight': written(w) },
    adapter: {
      [name('boft_R')]: { shape: [2, 2, 2, 2], values },
      [name('boft_s')]: { shape: [3, 1], values: s },
    },
    config: { peft_type: 'BOFT', boft_block_size: 2, boft_n_butterfly_factor: 2 },
  });
  // The second factor pairs coordinates 0, 2 and 1, 3.
  const p = [0, 2, 1, 3].map((at) => [0, 1, 2, 3].map((j) => (j === at ? 1 : 0)));
  const [first, second] = stored.map((factor) => blockDiagonal(factor.map(turn)));
  assert.ok(first && second);
  const whole = times(times(times(p, second), turned(p)), first);
  const wanted = times(w, turned(whole)).map((row, i) => row.map((value) => value * (s[i] ?? NaN)));
  assertClose(await deltaOf(study, 'l.fc.weight'), minusBase(wanted, w));
});

test('blocks that do not fit the layer are refused with both sizes', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('oft_R.weight')]: { shape: [4, 1], values: q } },
    config: { peft_type: 'OFT' },
  });
  assert.equal(study.findings[0]?.code, 'base-shape-mismatch');
  assert.match(study.findings[0].message, /4 blocks of 2 do not rotate the inputs of 4x6/);
});
