// Families that multiply what is there: (IA)³, VeRA, AdaLoRA, GLoRA; and those that add or replace entries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Written } from '../write-safetensors';
import { assertClose, codesOf, deltaOf, matrix, studyOf, times, written } from './build';

const W = matrix(4, 6, 3);
const base = { 'l.fc.weight': written(W), 'l.fc.bias': { shape: [4], values: [1, 2, 3, 4] } };
const name = (part: string): string => `base_model.model.l.fc.${part}`;
const minusBase = (weight: (value: number, i: number, j: number) => number): number[] =>
  W.flatMap((row, i) => row.map((value, j) => weight(value, i, j) - value));

test('(IA)³ of a feed-forward layer multiplies its inputs', async () => {
  const l = [1, 2, 3, 4, 5, 6];
  const study = await studyOf({
    base,
    adapter: { [name('ia3_l')]: { shape: [1, 6], values: l } },
    config: { peft_type: 'IA3' },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase((value, _, j) => value * (l[j] ?? NaN)),
  );
  assert.equal(study.tasks[0]?.deltas.has('l.fc.bias'), false);
});

test('(IA)³ of any other layer multiplies its outputs, the bias included', async () => {
  const l = [2, 3, 4, 5];
  const study = await studyOf({
    base,
    adapter: { [name('ia3_l.default')]: { shape: [4, 1], values: l } },
    config: { peft_type: 'IA3' },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase((value, i) => value * (l[i] ?? NaN)),
  );
  assertClose(await deltaOf(study, 'l.fc.bias'), [1 * 1, 2 * 2, 3 * 3, 4 * 4]);
  const without = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { [name('ia3_l')]: { shape: [4, 1], values: l } },
    config: { peft_type: 'IA3' },
  });
  assert.deepEqual([codesOf(without), without.tasks[0]?.unplaced], [[], []]);
});

test('(IA)³ of LyCORIS stores l − 1, and whether it is for inputs', async () => {
  const l = [0.5, 1, 1.5, 2];
  const study = await studyOf({
    base,
    adapter: {
      'lora_unet_l_fc.weight': { shape: [4], values: l },
      'lora_unet_l_fc.on_input': { shape: [], values: [0] },
    },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase((value, i) => value * (1 + (l[i] ?? NaN))),
  );
});

test('(IA)³ of T-Few multiplies inputs and outputs', async () => {
  const [a, b] = [
    [1, 2, 3, 4, 5, 6],
    [2, 3, 4, 5],
  ];
  const study = await studyOf({
    base,
    adapter: {
      'l.fc.multi_lora_a': { shape: [1, 6], values: a },
      'l.fc.multi_lora_b': { shape: [4, 1], values: b },
    },
  });
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    minusBase((value, i, j) => value * (b[i] ?? NaN) * (a[j] ?? NaN)),
  );
});

test('VeRA takes as much of the shared matrices as the layer is large', async () => {
  const [a, b, d, lambda] = [matrix(2, 8, 1), matrix(7, 2, 2), [2, 3], [1, 2, 3, 4]];
  const shared = { 'base_model.vera_A': written(a), 'base_model.vera_B': written(b) };
  const own = {
    [name('vera_lambda_b')]: { shape: [4], values: lambda },
    [name('vera_lambda_d')]: { shape: [2], values: d },
  };
  const config = { peft_type: 'VERA', r: 2, projection_prng_key: 7 };
  const study = await studyOf({ base, adapter: { ...own, ...shared }, config });
  const left = b.slice(0, 4).map((row, i) => row.map((value) => value * (lambda[i] ?? NaN)));
  const right = a.map((row, k) => row.slice(0, 6).map((value) => value * (d[k] ?? NaN)));
  assertClose(await deltaOf(study, 'l.fc.weight'), times(left, right).flat());
  assert.deepEqual(study.tasks[0]?.unplaced, []);
  const without = await studyOf({ base, adapter: own, config });
  assert.match(without.findings[0]?.message ?? '', /shared matrices A and B are not in the file.*seed 7/);
});

test('AdaLoRA is B·diag(E)·A over the rank that is left', async () => {
  const [a, b, e] = [matrix(2, 6, 1), matrix(4, 2, 2), [0.5, 2]];
  const study = await studyOf({
    base,
    adapter: {
      [name('lora_A')]: written(a),
      [name('lora_B')]: written(b),
      [name('lora_E')]: { shape: [2, 1], values: e },
    },
    config: { peft_type: 'ADALORA', init_r: 12, r: 8, lora_alpha: 8, rank_pattern: null },
  });
  const scaled = a.map((row, k) => row.map((value) => value * (e[k] ?? NaN)));
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    times(b, scaled)
      .flat()
      .map((value) => (value * 8) / 2.00001),
  );
});

test('GLoRA changes the weight through itself and beside itself', async () => {
  const [a1, a2, b1, b2] = [matrix(6, 2, 1), matrix(2, 6, 2), matrix(4, 2, 4), matrix(2, 6, 5)];
  const key = 'lora_unet_l_fc';
  const study = await studyOf({
    base,
    adapter: {
      [`${key}.a1.weight`]: written(a1),
      [`${key}.a2.weight`]: written(a2),
      [`${key}.b1.weight`]: written(b1),
      [`${key}.b2.weight`]: written(b2),
      [`${key}.alpha`]: { shape: [], values: [1] },
    },
  });
  const [through, beside] = [times(times(W, a1), a2).flat(), times(b1, b2).flat()];
  assertClose(
    await deltaOf(study, 'l.fc.weight'),
    through.map((value, at) => 0.5 * (value + (beside[at] ?? NaN))),
  );
});

test('differences that are stored as they are are added, norms included', async () => {
  const study = await studyOf({
    base: {
      ...base,
      'l.norm.weight': { shape: [4], values: [1] },
      'l.norm.bias': { shape: [4], values: [0] },
    },
    adapter: {
      'diffusion_model.l.fc.diff': written(matrix(4, 6, 8)),
      'diffusion_model.l.fc.diff_b': { shape: [4], values: [0.5] },
      'diffusion_model.l.norm.w_norm': { shape: [4], values: [0.25, 0.5] },
      'diffusion_model.l.norm.b_norm': { shape: [4], values: [1, 2, 3, 4] },
    },
  });
  assertClose(await deltaOf(study, 'l.fc.weight'), matrix(4, 6, 8).flat());
  assertClose(await deltaOf(study, 'l.fc.bias'), [0.5, 0.5, 0.5, 0.5]);
  assertClose(await deltaOf(study, 'l.norm.weight'), [0.25, 0.5, 0.25, 0.5]);
  assertClose(await deltaOf(study, 'l.norm.bias'), [1, 2, 3, 4]);
});

test('LayerNorm tuning of PEFT stores the trained norms whole', async () => {
  const study = await studyOf({
    base: { 'l.norm.weight': { shape: [4], values: [1] } },
    adapter: { 'base_model.model.l.norm.ln_tuning_layers.weight': { shape: [4], values: [1, 2, 3, 4] } },
    config: { peft_type: 'LN_TUNING' },
  });
  assertClose(await deltaOf(study, 'l.norm.weight'), [0, 1, 2, 3]);
});

test('SHiRA changes the entries whose places it lists', async () => {
  const study = await studyOf({
    base,
    adapter: {
      [name('shira_weight')]: { shape: [3], values: [1, 2, 3] },
      [name('shira_indices')]: { shape: [2, 3], values: [0, 1, 3, 5, 0, 2], dtype: 'I64' },
    },
    config: { peft_type: 'SHIRA' },
  });
  const wanted = new Array<number>(24).fill(0);
  [wanted[5], wanted[6], wanted[20]] = [1, 2, 3];
  assertClose(await deltaOf(study, 'l.fc.weight'), wanted);
});

test('trainable tokens take the place of the rows that the configuration lists', async () => {
  const rows = matrix(2, 6, 9);
  const adapter = { 'base_model.model.l.fc.token_adapter.trainable_tokens_delta': written(rows) };
  const config = { peft_type: 'LORA', r: 2, trainable_token_indices: { fc: [3, 1] } };
  const study = await studyOf({ base, adapter, config });
  const wanted = minusBase((value, i, j) =>
    i === 3 ? (rows[0]?.[j] ?? NaN) : i === 1 ? (rows[1]?.[j] ?? NaN) : value,
  );
  assertClose(await deltaOf(study, 'l.fc.weight'), wanted);
  const unsaid = await studyOf({ base, adapter, config: { peft_type: 'LORA', r: 2 } });
  assert.match(unsaid.findings[0]?.message ?? '', /does not say which tokens/);
});

test('more trainable tokens than a call takes arguments have their place', async () => {
  const count = 200_000;
  const tensor = (rows: number): Written => ({ shape: [rows, 1], values: [1] });
  const study = await studyOf({
    base: { 'l.fc.weight': tensor(count + 1) },
    adapter: { 'base_model.model.l.fc.trainable_tokens_delta': tensor(count) },
    config: { peft_type: 'TRAINABLE_TOKENS', token_indices: Array.from({ length: count }, (_, at) => at) },
  });
  assert.equal(study.tasks[0]?.deltas.size, 1);
});

test('Polytropon has a change for every task and none for itself', async () => {
  const study = await studyOf({
    base,
    adapter: {
      [name('poly_lora_A')]: { shape: [1, 2, 6, 2] },
      [name('poly_lora_B')]: { shape: [1, 2, 2, 4] },
    },
    config: { peft_type: 'POLY' },
  });
  assert.match(study.findings[0]?.message ?? '', /mixes the skills/);
});
