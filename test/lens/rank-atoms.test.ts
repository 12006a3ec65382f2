import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { atomCosines, atomsOf, matchAtoms } from '../../src/lens/atom-sums';
import { rankAtoms } from '../../src/lens/rank-atoms';
import type { LowRankDelta } from '../../src/tensor/pass';
import { cell, run, SAMPLES, study } from './run';

const [ROWS, COLUMNS] = [6, 5];

/** Numbers that have nothing to do with each other. */
function numbers(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => Math.sin((at + 1) * (at + 3) * (seed + 1)));
}

function delta(rank: number, seed: number, scale = 2): LowRankDelta {
  return {
    scale,
    b: numbers(ROWS * rank, seed),
    a: numbers(rank * COLUMNS, seed + 7),
    rows: ROWS,
    columns: COLUMNS,
    rank,
  };
}

/** s·bₖaₖᵀ, entry by entry. */
function atom({ scale, a, b, rank }: LowRankDelta, k: number): number[] {
  return Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const [row, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
    return scale * (b[row * rank + k] ?? NaN) * (a[k * COLUMNS + column] ?? NaN);
  });
}

const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);
const close = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs((actual ?? NaN) - expected) < 1e-12, `${String(actual)} against ${String(expected)}`);

test('strengths and cosines of atoms are those of the rank-one matrices themselves', () => {
  const [x, y] = [delta(3, 1), delta(2, 2, 0.5)];
  const [one, two] = [atomsOf(x).raw, atomsOf(y).raw];
  const cosines = atomCosines(one, two);
  for (let i = 0; i < 3; i++) {
    const own = atom(x, i);
    close(one.strengths[i], Math.sqrt(inner(own, own)));
    for (let j = 0; j < 2; j++) {
      const other = atom(y, j);
      close(cosines[i * 2 + j], inner(own, other) / Math.sqrt(inner(own, own) * inner(other, other)));
    }
  }
});

test('the singular atoms add up to the change, are orthogonal, and do not depend on the factors', () => {
  const x = delta(3, 4);
  const { svd } = atomsOf(x);
  const whole = [0, 1, 2]
    .map((k) => atom(x, k))
    .reduce((sum, own) => sum.map((v, at) => v + (own[at] ?? NaN)));
  close(Math.sqrt(svd.strengths.reduce((sum, v) => sum + v * v, 0)), Math.sqrt(inner(whole, whole)));
  const cosines = atomCosines(svd, { ...svd });
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) close(cosines[i * 3 + j], i === j ? 1 : 0);
  // B·M and M⁻¹·A with M = diag(2, 1, 1) are the same change.
  const other = {
    ...x,
    b: x.b.map((value, at) => (at % 3 === 0 ? 2 * value : value)),
    a: x.a.map((value, at) => (at < COLUMNS ? value / 2 : value)),
  };
  atomsOf(other).svd.strengths.forEach((value, k) => close(value, svd.strengths[k] ?? NaN));
});

test('atoms in another order are matched with themselves', () => {
  const x = delta(3, 5);
  const order = [2, 0, 1];
  const turned = {
    ...x,
    b: x.b.map((_, at) => x.b[Math.floor(at / 3) * 3 + (order[at % 3] ?? 0)] ?? NaN),
    a: x.a.map((_, at) => x.a[(order[Math.floor(at / COLUMNS)] ?? 0) * COLUMNS + (at % COLUMNS)] ?? NaN),
  };
  const matches = matchAtoms(atomsOf(x).raw, atomsOf(turned).raw);
  assert.deepEqual(
    matches.map(({ first, second }) => [first, order[second]]),
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  );
  for (const { cosine } of matches) close(cosine, 1);
});

test('dead atoms are counted, doubled ones have a redundancy of 1, and neither breaks the rest', () => {
  const x = delta(3, 6);
  const b = x.b.map((value, at) => (at % 3 === 2 ? 0 : at % 3 === 1 ? (x.b[at - 1] ?? NaN) : value));
  const a = x.a.map((value, at) => (Math.floor(at / COLUMNS) === 1 ? (x.a[at - COLUMNS] ?? NaN) : value));
  const atoms = atomsOf({ ...x, a, b });
  assert.equal(atoms.dead, 1);
  close(atoms.redundancy ?? NaN, 1);
  assert.equal(matchAtoms(atoms.raw, atoms.raw).length, 2);
});

test('the sample adapters have shares that add up to 1 in every module, and all of themselves', async () => {
  const opened = await study(path.join(SAMPLES, 'charlm'), 'base', [
    'lora/json-r8',
    'lora/python-rslora-r16',
  ]);
  const ran = await run(rankAtoms, opened);
  const [first, second] = opened.tasks.map(({ name }) => name);
  assert.ok(first !== undefined && second !== undefined);
  const sums = new Map<string, number>();
  for (const { task, tensor, svd } of ran.table('atoms')) {
    const key = `${String(task)} ${String(tensor)}`;
    sums.set(key, (sums.get(key) ?? 0) + Number(svd) ** 2);
  }
  for (const { task, tensor, norm } of ran.table('modules')) {
    const sum = sums.get(`${String(task)} ${String(tensor)}`) ?? NaN;
    assert.ok(Math.abs(Math.sqrt(sum) - Number(norm)) < 1e-9 * Number(norm));
  }
  assert.equal(cell(ran.matrix('shared'), first, first), 1);
  const across = cell(ran.matrix('shared'), first, second) ?? NaN;
  assert.ok(across > 0 && across < 0.5, String(across));
  const advice = ran.artifacts.find(({ id }) => id === 'advice');
  assert.match(advice?.kind === 'note' ? advice.text : '', /No two adapters share half of their atoms/);
});
