// LoHa and LoKr against their definitions, entry by entry.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { openAdapter } from '../../../src/model/open-adapter';
import type { Written } from '../write-safetensors';
import { assertClose, codesOf, deltaOf, matrix, studyOf, times, written } from './build';

type Matrix = readonly (readonly number[])[];

const entrywise = (x: Matrix, y: Matrix): number[] =>
  x.flatMap((row, i) => row.map((value, j) => value * (y[i]?.[j] ?? NaN)));

/** W1 ⊗ W2 by its definition. */
function kron(x: Matrix, y: Matrix): number[][] {
  return x.flatMap((row) => y.map((other) => row.flatMap((value) => other.map((own) => value * own))));
}

const KEY = 'lora_unet_l_fc';
const alpha = { [`${KEY}.alpha`]: { shape: [], values: [1] } };
const parts = (all: Readonly<Record<string, Written>>): Record<string, Written> =>
  Object.fromEntries(Object.entries(all).map(([part, tensor]) => [`${KEY}.${part}`, tensor]));

test('LoHa is the entrywise product of two products, factored while its rank r² is small', async () => {
  for (const [rank, kind] of [
    [1, 'lowRank'],
    [3, 'formed'],
  ] as const) {
    const [w1a, w1b, w2a, w2b] = [
      matrix(8, rank, 1),
      matrix(rank, 9, 2),
      matrix(8, rank, 3),
      matrix(rank, 9, 4),
    ];
    const study = await studyOf({
      base: { 'l.fc.weight': written(matrix(8, 9, 5)) },
      adapter: {
        ...parts({
          hada_w1_a: written(w1a),
          hada_w1_b: written(w1b),
          hada_w2_a: written(w2a),
          hada_w2_b: written(w2b),
        }),
        ...alpha,
      },
    });
    const wanted = entrywise(times(w1a, w1b), times(w2a, w2b)).map((value) => value / rank);
    assertClose(await deltaOf(study, 'l.fc.weight'), wanted, `rank ${rank}`);
    assert.equal(study.tasks[0]?.deltas.get('l.fc.weight')?.kind, kind);
    assert.deepEqual(codesOf(study), []);
  }
});

test('LoHa of PEFT scales by its configuration', async () => {
  const [w1a, w1b, w2a, w2b] = [matrix(8, 2, 1), matrix(2, 9, 2), matrix(8, 2, 3), matrix(2, 9, 4)];
  const name = (part: string) => `base_model.model.l.fc.${part}`;
  const study = await studyOf({
    base: { 'l.fc.weight': written(matrix(8, 9, 5)) },
    adapter: {
      [name('hada_w1_a')]: written(w1a),
      [name('hada_w1_b')]: written(w1b),
      [name('hada_w2_a')]: written(w2a),
      [name('hada_w2_b')]: written(w2b),
    },
    config: { peft_type: 'LOHA', r: 2, alpha: 8 },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    entrywise(times(w1a, w1b), times(w2a, w2b)).map((value) => 4 * value),
  );
});

/** Σ_ij t[i, j, k] · a[i, o] · b[j, n] as o × (n, k). */
function core(t: readonly number[], a: Matrix, b: Matrix, width: number): number[][] {
  const [p, q] = [a.length, b.length];
  return (a[0] ?? []).map((_, o) =>
    (b[0] ?? []).flatMap((__, n) =>
      Array.from({ length: width }, (___, k) => {
        let sum = 0;
        for (let i = 0; i < p; i++)
          for (let j = 0; j < q; j++)
            sum += (t[(i * q + j) * width + k] ?? NaN) * (a[i]?.[o] ?? NaN) * (b[j]?.[n] ?? NaN);
        return sum;
      }),
    ),
  );
}

test('cores of a LoHa of a convolution are contracted with factors that lie the other way round', async () => {
  const [w1a, w1b, w2a, w2b] = [matrix(2, 4, 1), matrix(2, 3, 2), matrix(2, 4, 3), matrix(2, 3, 4)];
  const [t1, t2] = [matrix(4, 4, 6), matrix(4, 4, 7)];
  const study = await studyOf({
    base: { 'l.fc.weight': { shape: [4, 3, 2, 2], values: [0.5] } },
    adapter: parts({
      hada_w1_a: written(w1a),
      hada_w1_b: written(w1b),
      hada_w2_a: written(w2a),
      hada_w2_b: written(w2b),
      hada_t1: written(t1, [2, 2, 2, 2]),
      hada_t2: written(t2, [2, 2, 2, 2]),
    }),
  });
  const wanted = entrywise(core(t1.flat(), w1a, w1b, 4), core(t2.flat(), w2a, w2b, 4));
  assertClose(await deltaOf(study, 'l.fc.weight'), wanted);
});

test('LoKr is the Kronecker product of its sides, whole or factored', async () => {
  const [w1, w2] = [matrix(2, 3, 1), matrix(4, 3, 2)];
  const [w1a, w1b, w2a, w2b] = [matrix(2, 1, 3), matrix(1, 3, 4), matrix(4, 2, 5), matrix(2, 3, 6)];
  const base = { 'l.fc.weight': written(matrix(8, 9, 5)) };
  const whole = await studyOf({
    base,
    adapter: { ...parts({ lokr_w1: written(w1), lokr_w2: written(w2) }), ...alpha },
  });
  assertClose(await deltaOf(whole, 'l.fc.weight'), kron(w1, w2).flat(), 'both whole: no scale');
  const right = await studyOf({
    base,
    adapter: {
      ...parts({ lokr_w1: written(w1), lokr_w2_a: written(w2a), lokr_w2_b: written(w2b) }),
      ...alpha,
    },
  });
  assertClose(
    await deltaOf(right, 'l.fc.weight'),
    kron(w1, times(w2a, w2b))
      .flat()
      .map((value) => value / 2),
    'W2 factored',
  );
  const thin = await studyOf({
    base,
    adapter: parts({
      lokr_w1_a: written(w1a),
      lokr_w1_b: written(w1b),
      lokr_w2_a: written(w2a),
      lokr_w2_b: written(w2b),
    }),
  });
  assertClose(
    await deltaOf(thin, 'l.fc.weight'),
    kron(times(w1a, w1b), times(w2a, w2b)).flat(),
    'both factored',
  );
  const delta = thin.tasks[0]?.deltas.get('l.fc.weight');
  assert.ok(delta?.kind === 'lowRank');
  assert.equal(delta.rank, 2);
});

test('LoKr with a W1 of one entry scales W2', async () => {
  const w2 = matrix(4, 6, 2);
  const study = await studyOf({
    base: { 'l.fc.weight': written(matrix(4, 6, 5)) },
    adapter: parts({ lokr_w1: written([[2.5]]), lokr_w2: written(w2) }),
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    w2.flat().map((value) => 2.5 * value),
  );
});

test('W2 of a LoKr of a convolution has the kernel, through a core where there is one', async () => {
  const [w1, w2] = [matrix(2, 2, 1), matrix(3, 2 * 4, 2)];
  const base = { 'l.fc.weight': { shape: [6, 4, 2, 2], values: [0.5] } };
  const plain = await studyOf({
    base,
    adapter: parts({ lokr_w1: written(w1), lokr_w2: written(w2, [3, 2, 2, 2]) }),
  });
  assertClose(await deltaOf(plain, 'l.fc.weight'), kron(w1, w2).flat());
  const [t2, w2a, w2b] = [matrix(1, 4, 3), matrix(1, 3, 4), matrix(1, 2, 5)];
  const cored = await studyOf({
    base,
    adapter: parts({
      lokr_w1: written(w1),
      lokr_t2: written(t2, [1, 1, 2, 2]),
      lokr_w2_a: written(w2a),
      lokr_w2_b: written(w2b),
    }),
  });
  assertClose(await deltaOf(cored, 'l.fc.weight'), kron(w1, core(t2.flat(), w2a, w2b, 4)).flat());
});

test('a LoHa that lacks a factor is refused with its reason', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(matrix(8, 9, 5)) },
    adapter: parts({ hada_w1_a: written(matrix(8, 1, 1)) }),
  });
  assert.deepEqual(codesOf(study).slice(0, 1), ['lora-factor-missing']);
  assert.match(study.findings[0]?.message ?? '', /lacks one of its four factors/);
});

const REAL = path.resolve(
  import.meta.dirname,
  '../../../../shared/realdata/KohakuBlueleaf+LyCORIS/hist-3e64b457/result',
);
const skip = existsSync(REAL) ? false : 'no real files beside the repository';

test('a LoKr that LyCORIS trained is recognised as a whole, every tensor of it', { skip }, async () => {
  const opened = await openCheckpoint(path.join(REAL, 'smart_falcon_4_lokr.safetensors'));
  assert.ok(opened.ok);
  const adapter = await openAdapter(opened.value);
  assert.ok(adapter.ok && adapter.value);
  const { kind, layout, targets, unplaced, findings } = adapter.value;
  assert.deepEqual([kind, layout, unplaced.length, findings.length], ['LoKr', 'LyCORIS', 0, 0]);
  const fc1 = targets.find(({ module }) => module === 'text_model_encoder_layers_0_mlp_fc1');
  assert.deepEqual(
    [fc1?.shape, fc1?.storedRank, fc1?.key.component],
    [{ rows: 64 * 48, columns: 32 * 24 }, 4, 'text_encoder'],
  );
  const used = targets.reduce((sum, { tensors }) => sum + tensors.length, 0);
  const alphas = opened.value.tensors.filter(({ name }) => name.endsWith('.alpha')).length;
  assert.equal(used + alphas, opened.value.tensors.length);
});
