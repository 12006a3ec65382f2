import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, deltaOf, matrix, studyOf, times, turned, written } from './build';

const W = matrix(4, 6, 3);
const [A, B] = [matrix(2, 6, 1), matrix(4, 2, 2)];
const base = { 'l.q_proj.weight': written(W) };
const factors = { 'l.q_proj.lora_A.weight': written(A), 'l.q_proj.lora_B.weight': written(B) };
const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, use_dora: true };
const M = [0.5, 1, 1.5, 2];

/** θ₀ + s·B·A. */
const sum = (scale: number): number[][] => {
  const product = times(B, A);
  return W.map((row, i) => row.map((value, j) => value + scale * (product[i]?.[j] ?? NaN)));
};
const norm = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((total, value) => total + value * value, 0));
const minus = (x: readonly number[][], y: readonly number[][]): number[] =>
  x.flatMap((row, i) => row.map((value, j) => value - (y[i]?.[j] ?? NaN)));
/** m · V / ‖V‖ row by row: equation 5 of the paper. */
const normalised = (v: readonly number[][], m: readonly number[]): number[][] =>
  v.map((row, i) => row.map((value) => ((m[i] ?? NaN) * value) / norm(row)));

test('every output of a DoRA of PEFT has its magnitude', async () => {
  const study = await studyOf({
    base,
    adapter: { ...factors, 'l.q_proj.lora_magnitude_vector': { shape: [4], values: M } },
    config,
  });
  assertClose(await deltaOf(study, 'l.q_proj.weight'), minus(normalised(sum(2), M), W));
});

test('DoRA whose magnitudes are the norms of θ₀ + s·B·A is LoRA', async () => {
  const norms = sum(2).map(norm);
  const study = await studyOf({
    base,
    adapter: { ...factors, 'l.q_proj.lora_magnitude_vector.default.weight': { shape: [4], values: norms } },
    config,
  });
  const found = await deltaOf(study, 'l.q_proj.weight');
  // The magnitudes were rounded to float32 when they were written.
  for (const [at, value] of times(B, A).flat().entries())
    assert.ok(Math.abs((found[at] ?? NaN) - 2 * value) < 1e-6);
});

test('a weight stored transposed has its magnitudes along its columns', async () => {
  const study = await studyOf({
    base: { 'l.q_proj.weight': written(turned(W)) },
    adapter: { ...factors, 'l.q_proj.lora_magnitude_vector': { shape: [4], values: M } },
    config: { ...config, fan_in_fan_out: true },
  });
  assertClose(await deltaOf(study, 'l.q_proj.weight'), minus(turned(normalised(sum(2), M)), turned(W)));
});

test('mlx-lm keeps the magnitudes as "m"', async () => {
  const study = await studyOf({
    base,
    adapter: {
      'l.q_proj.lora_a': written(turned(A)),
      'l.q_proj.lora_b': written(turned(B)),
      'l.q_proj.m': { shape: [4], values: M },
    },
    config: { fine_tune_type: 'dora', lora_parameters: { rank: 2, scale: 3 } },
  });
  assertClose(await deltaOf(study, 'l.q_proj.weight'), minus(normalised(sum(3), M), W));
});

const kohya = {
  'lora_unet_l_q_proj.lora_down.weight': written(A),
  'lora_unet_l_q_proj.lora_up.weight': written(B),
};

test('LyCORIS says by the shape of dora_scale whether outputs or inputs have magnitudes', async () => {
  const outputs = await studyOf({
    base,
    adapter: { ...kohya, 'lora_unet_l_q_proj.dora_scale': { shape: [4, 1], values: M } },
  });
  assertClose(await deltaOf(outputs, 'l.q_proj.weight'), minus(normalised(sum(1), M), W));
  const m = [1, 2, 3, 4, 5, 6];
  const inputs = await studyOf({
    base,
    adapter: { ...kohya, 'lora_unet_l_q_proj.dora_scale': { shape: [1, 6], values: m } },
  });
  assertClose(await deltaOf(inputs, 'l.q_proj.weight'), minus(turned(normalised(turned(sum(1)), m)), W));
});

test('input magnitudes of a convolution span outputs and kernel', async () => {
  const [w, down, up] = [matrix(4, 3 * 4, 3), matrix(2, 3 * 4, 1), matrix(4, 2, 2)];
  const m = [1, 2, 3];
  const study = await studyOf({
    base: { 'c.weight': written(w, [4, 3, 2, 2]) },
    adapter: {
      'lora_unet_c.lora_down.weight': written(down, [2, 3, 2, 2]),
      'lora_unet_c.lora_up.weight': written(up, [4, 2, 1, 1]),
      'lora_unet_c.dora_scale': { shape: [1, 3, 1, 1], values: m },
    },
  });
  const product = times(up, down);
  const v = w.map((row, o) => row.map((value, at) => value + (product[o]?.[at] ?? NaN)));
  const norms = m.map((_, i) => norm(v.flatMap((row) => row.slice(i * 4, i * 4 + 4))));
  const wanted = v.flatMap((row, o) =>
    row.map(
      (value, at) =>
        (value * (m[Math.floor(at / 4)] ?? NaN)) / (norms[Math.floor(at / 4)] ?? NaN) - (w[o]?.[at] ?? NaN),
    ),
  );
  assertClose(await deltaOf(study, 'c.weight'), wanted);
});

test('magnitudes of another number than the outputs do not fit', async () => {
  const study = await studyOf({
    base,
    adapter: { ...factors, 'l.q_proj.lora_magnitude_vector': { shape: [5], values: M } },
    config,
  });
  assert.equal(study.findings[0]?.code, 'base-shape-mismatch');
  assert.match(study.findings[0].message, /lora_magnitude_vector is 5/);
});
