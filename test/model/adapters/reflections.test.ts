// HRA, VB-LoRA and kinds that mix, against their definitions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, codesOf, deltaOf, matrix, studyOf, times, turned, written } from './build';

const W = matrix(3, 4, 1);
const U = [
  [1, 0.5],
  [0, 1],
  [-0.5, 0.25],
  [0.25, 0],
];

/** W·Π(1 − 2uuᵀ/uᵀu), each reflection formed as a matrix. */
function reflected(columns: readonly (readonly number[])[]): number[][] {
  return columns.reduce<number[][]>((rows, u) => {
    const squares = u.reduce((sum, value) => sum + value * value, 0);
    const reflection = u.map((x, i) => u.map((y, j) => (i === j ? 1 : 0) - (2 * x * y) / squares));
    return times(rows, reflection);
  }, W);
}

test('HRA reflects the inputs, one vector after another', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { 'base_model.model.l.fc.hra_u': written(U) },
    config: { peft_type: 'HRA', r: 2 },
  });
  const wanted = reflected(turned(U))
    .flat()
    .map((value, at) => value - (W.flat()[at] ?? NaN));
  assertClose(await deltaOf(study, 'l.fc.weight'), wanted);
});

test('HRA makes its vectors orthogonal first where the configuration says so', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(W) },
    adapter: { 'base_model.model.l.fc.hra_u': written(U) },
    config: { peft_type: 'HRA', r: 2, apply_GS: true },
  });
  const [first = [], second = []] = turned(U);
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);
  const rest = second.map(
    (value, at) => value - (dot(first, second) / dot(first, first)) * (first[at] ?? NaN),
  );
  const wanted = reflected([first, rest])
    .flat()
    .map((value, at) => value - (W.flat()[at] ?? NaN));
  assertClose(await deltaOf(study, 'l.fc.weight'), wanted);
});

test('HRA of another width is told, not formed', async () => {
  const study = await studyOf({
    base: { 'l.fc.weight': written(matrix(3, 6, 1)) },
    adapter: { 'base_model.model.l.fc.hra_u': written(U) },
    config: { peft_type: 'HRA', r: 2 },
  });
  assert.deepEqual(codesOf(study), ['base-shape-mismatch']);
});

const BANK = matrix(5, 2, 3);
/** r = 2, inputs 4 = 2 pieces of 2, outputs 6 = 3 pieces. */
const [LOGITS_A, LOGITS_B] = [matrix(2 * 2, 5, 4), matrix(3 * 2, 5, 6)].map((rows) =>
  rows.map((row) => row.map((value, at) => value + at / 32)),
);

/** The mix of a piece, by sorting all logits. */
function piece(logits: readonly number[], top: number): number[] {
  const order = logits
    .map((value, at) => [value, at] as const)
    .sort((x, y) => y[0] - x[0])
    .slice(0, top);
  const sum = order.reduce((total, [value]) => total + Math.exp(value), 0);
  return [0, 1].map((i) =>
    order.reduce((total, [value, at]) => total + (Math.exp(value) / sum) * (BANK[at]?.[i] ?? NaN), 0),
  );
}

function vbDelta(top: number): number[] {
  const a = [0, 1].map((k) => [0, 1].flatMap((tile) => piece(LOGITS_A?.[k * 2 + tile] ?? [], top)));
  const b = [0, 1, 2].flatMap((tile) =>
    turned([0, 1].map((k) => piece(LOGITS_B?.[tile * 2 + k] ?? [], top))),
  );
  return times(b, a).flat();
}

const base = { 'l.fc.weight': written(matrix(6, 4, 1)) };
const bank = { 'base_model.vblora_vector_bank': written(BANK) };

test('VB-LoRA mixes the vectors of its bank with the largest logits', async () => {
  for (const top of [1, 2, 3]) {
    const study = await studyOf({
      base,
      adapter: {
        ...bank,
        'base_model.model.l.fc.vblora_logits_A': written(LOGITS_A ?? [], [2, 2, 5]),
        'base_model.model.l.fc.vblora_logits_B': written(LOGITS_B ?? [], [3, 2, 5]),
      },
      config: { peft_type: 'VBLORA', r: 2, topk: top, vector_length: 2 },
    });
    assert.equal(study.tasks[0]?.deltas.get('l.fc.weight')?.kind, 'lowRank');
    assertClose(await deltaOf(study, 'l.fc.weight'), vbDelta(top), `top ${String(top)}`);
  }
});

test('VB-LoRA saved with indices and weights alone is the same mix', async () => {
  const half = (rows: readonly (readonly number[])[], shape: readonly number[]) => ({
    indices: { shape: [...shape, 2], values: rows.flatMap(() => [3, 1]) },
    weights: { shape: [...shape, 1], values: rows.map((_, at) => (at % 2 === 0 ? 0.75 : 0.5)) },
  });
  const [a, b] = [half(LOGITS_A ?? [], [2, 2]), half(LOGITS_B ?? [], [3, 2])];
  const study = await studyOf({
    base,
    adapter: {
      ...bank,
      'base_model.model.l.fc.vblora_logits_A_topk_indices': a.indices,
      'base_model.model.l.fc.vblora_logits_A_topk_weights': a.weights,
      'base_model.model.l.fc.vblora_logits_B_topk_indices': b.indices,
      'base_model.model.l.fc.vblora_logits_B_topk_weights': b.weights,
    },
    config: { peft_type: 'VBLORA', r: 2, topk: 2, vector_length: 2 },
  });
  const mix = (at: number) =>
    [0, 1].map(
      (i) =>
        (at % 2 === 0 ? 0.75 : 0.5) * (BANK[3]?.[i] ?? NaN) +
        (at % 2 === 0 ? 0.25 : 0.5) * (BANK[1]?.[i] ?? NaN),
    );
  const left = [0, 1].map((k) => [0, 1].flatMap((tile) => mix(k * 2 + tile)));
  const right = [0, 1, 2].flatMap((tile) => turned([0, 1].map((k) => mix(tile * 2 + k))));
  assertClose(await deltaOf(study, 'l.fc.weight'), times(right, left).flat());
});

test('VB-LoRA without its bank is refused', async () => {
  const study = await studyOf({
    base,
    adapter: { 'base_model.model.l.fc.vblora_logits_A': written(LOGITS_A ?? [], [2, 2, 5]) },
    config: { peft_type: 'VBLORA', r: 2 },
  });
  assert.ok(codesOf(study).includes('lora-factor-missing'));
});

test('adapters that mix by the input, and those whose numbers are drawn, are named with the reason', async () => {
  const cases = [
    [
      { 'l.fc.lora_A': { shape: [3, 4, 2] }, 'l.fc.lora_B': { shape: [3, 2, 6] } },
      {},
      'adapter-mixed-deltas',
      /router/,
    ],
    [
      { 'base_model.unilora_theta_d': { shape: [16] } },
      { peft_type: 'UNILORA', r: 4 },
      'adapter-kind-unsupported',
      /random generator/,
    ],
    [
      {
        'base_model.model.l.experts.lora_A.weight': { shape: [6, 4] },
        'base_model.model.l.experts.lora_B.weight': { shape: [4, 6] },
      },
      { peft_type: 'LORA', r: 2, target_parameters: ['l.experts.gate_up_proj'] },
      'adapter-kind-unsupported',
      /stacked experts/,
    ],
  ] as const;
  for (const [adapter, config, code, reason] of cases) {
    const study = await studyOf({ base, adapter, ...('peft_type' in config ? { config } : {}) });
    const found = study.findings.find((finding) => finding.code === code);
    assert.ok(found, codesOf(study).join());
    assert.match(found.message, reason);
    assert.equal(study.tasks[0]?.deltas.size, 0);
  }
});

test('a LoRA that was trained as DyLoRA is called so', async () => {
  const study = await studyOf({
    base,
    adapter: {
      'lora_unet_l_fc.lora_down.weight': { shape: [2, 4] },
      'lora_unet_l_fc.lora_up.weight': { shape: [6, 2] },
    },
    metadata: { ss_network_module: 'networks.dylora' },
  });
  assert.equal(study.tasks[0]?.adapter?.description.kind, 'DyLoRA');
});
