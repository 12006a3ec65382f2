// FourierFT and RandLoRA against their definitions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fourierft } from '../../../src/model/adapters/fourierft';
import { torchPermutation } from '../../../src/model/adapters/torch-random';
import { assertClose, deltaOf, matrix, studyOf, written } from './build';

test('draws the permutation that torch draws', () => {
  // torch.randperm(10, generator=torch.Generator().manual_seed(0))
  assert.deepEqual(torchPermutation(0, 10, 10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
  assert.deepEqual(torchPermutation(0, 10, 3), [4, 1, 7]);
  assert.deepEqual(
    [...torchPermutation(777, 50, 50)].sort((x, y) => x - y),
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test('FourierFT is the real part of the inverse transform of its coefficients, of few and of many', async () => {
  // One coefficient is of rank 2 and stays two factors; three, and all but one, are formed.
  const many = Array.from({ length: 23 }, (_, f) => ((f * 5) % 7) - 3);
  for (const [norm, divisor, spectrum] of [
    ['backward', 24, [1, -2, 0.5]],
    ['ortho', Math.sqrt(24), [1, -2, 0.5]],
    ['forward', 1, [1, -2, 0.5]],
    ['backward', 24, [-2]],
    ['backward', 24, many],
  ] as const) {
    const count = spectrum.length;
    const study = await studyOf({
      base: { 'l.fc.weight': written(matrix(4, 6, 3)) },
      adapter: { 'base_model.model.l.fc.fourierft_spectrum': { shape: [count], values: spectrum } },
      config: { peft_type: 'FOURIERFT', scaling: 3, random_loc_seed: 7, ifft2_norm: norm },
    });
    const kind = study.tasks[0]?.deltas.get('l.fc.weight')?.kind;
    assert.equal(kind, count === 1 ? 'lowRank' : 'formed');
    const places = torchPermutation(7, 24, count);
    const wanted = Array.from({ length: 24 }, (_, at) => {
      const [i, j] = [Math.floor(at / 6), at % 6];
      const sum = spectrum.reduce((total: number, value, f) => {
        const [u, v] = [Math.floor((places[f] ?? NaN) / 6), (places[f] ?? NaN) % 6];
        return total + value * Math.cos(2 * Math.PI * ((u * i) / 4 + (v * j) / 6));
      }, 0);
      return (3 * sum) / divisor;
    });
    assertClose(await deltaOf(study, 'l.fc.weight'), wanted, `${norm} ${String(count)}`);
  }
});

test('FourierFT of a weight so large that torch draws other numbers is refused', () => {
  const span = { path: 'x', offset: 0, bytes: 12, dtype: 'F32', shape: [3], count: 3 } as const;
  const key = { module: 'fc', style: 'dotted', component: '' } as const;
  const [target] =
    fourierft.describe(
      { key, parts: new Map([['spectrum', { name: 's', span }]]) },
      { scaleOf: () => assert.fail(), scalar: () => null, shared: () => undefined, field: () => undefined },
    ) ?? [];
  assert.ok(target?.kind === 'target' && target.recipe.kind === 'sized');
  assert.equal(target.recipe.mismatch([2 ** 12, 2 ** 14]), null);
  assert.match(target.recipe.mismatch([2 ** 14, 2 ** 14]) ?? '', /cannot be drawn/);
});

test('RandLoRA sums random bases that are weighted by the vectors of the layer, on either side', async () => {
  const [rank, bases, less, more] = [2, 2, 4, 6];
  const a = matrix(rank * 3, 5, 1);
  const b = matrix(7, 3 * rank, 2);
  const [lambda, gamma] = [matrix(rank, bases, 4), matrix(bases, less, 5)];
  const shared = {
    'base_model.randlora_A': written(a, [rank, 3, 5]),
    'base_model.randlora_B': written(b, [7, 3, rank]),
  };
  const small = (k: number, j: number): number => {
    const [r, n] = [Math.floor(k / bases), k % bases];
    return (a[r * 3 + n]?.[j] ?? NaN) * (lambda[r]?.[n] ?? NaN) * (gamma[n]?.[j] ?? NaN);
  };
  const entry = (i: number, j: number): number => {
    let sum = 0;
    for (let k = 0; k < rank * bases; k++) sum += (b[i]?.[k] ?? NaN) * small(k, j);
    return (sum * 4) / rank;
  };
  for (const [rows, columns] of [
    [more, less],
    [less, more],
  ] as const) {
    const study = await studyOf({
      base: { 'l.fc.weight': written(matrix(rows, columns, 3)) },
      adapter: {
        ...shared,
        'base_model.model.l.fc.randlora_lambda': written(lambda),
        'base_model.model.l.fc.randlora_gamma': written(gamma),
      },
      config: { peft_type: 'RANDLORA', r: rank, randlora_alpha: 4 },
    });
    const wanted = Array.from({ length: rows * columns }, (_, at) => {
      const [i, j] = [Math.floor(at / columns), at % columns];
      return rows === more ? entry(i, j) : entry(j, i);
    });
    assertClose(await deltaOf(study, 'l.fc.weight'), wanted, `${rows} × ${columns}`);
  }
});
