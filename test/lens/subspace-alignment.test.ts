import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { rankWithin } from '../../src/lens/alignment-pass';
import { subspaceAlignment } from '../../src/lens/subspace-alignment';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { matrixPasses } from './matrix-passes';
import { agree, cell, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

interface Reference {
  readonly tasks: readonly string[];
  readonly sar: Readonly<
    Record<
      string,
      { readonly ta: number[]; readonly ta_k: number; readonly isoc: number[]; readonly isoc_k: number }
    >
  >;
}

test('agrees with the reference alignment ratios, before and after flattening', WITH_ZOO, async () => {
  const reference = readJson<Reference>(ZOO, 'reference/vit-digits/isoc.json');
  const opened = await study(path.join(ZOO, 'vit-digits'), 'base', reference.tasks);
  const ran = await run(subspaceAlignment, opened, {}, matrixPasses());
  const rows = ran.table('sar');
  for (const [tensor, { ta, ta_k, isoc, isoc_k }] of Object.entries(reference.sar)) {
    for (const [index, task] of reference.tasks.entries()) {
      const row = only(rows, { task, tensor });
      agree(row['sar'], ta[index] ?? null, `${task} ${tensor}`);
      agree(row['sar_flattened'], isoc[index] ?? null, `${task} ${tensor} flattened`);
      assert.deepEqual([row['rank'], row['rank_flattened']], [ta_k, isoc_k]);
    }
  }
});

test('has the columns that command line consumers rely on', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'vflip']);
  const ran = await run(subspaceAlignment, opened, { tensors: 'layer.1,classifier' }, matrixPasses());
  const table = ran.artifacts.find((each) => each.kind === 'table' && each.id === 'sar');
  assert.ok(table?.kind === 'table');
  assert.deepEqual(
    table.columns.slice(0, 4).map(({ name }) => name),
    ['task', 'tensor', 'sar', 'rank'],
  );
  const unchanged = only(ran.table('sar'), { task: 'rot90', tensor: 'classifier.weight' });
  assert.deepEqual([unchanged['sar'], unchanged['rank'], unchanged['shared_energy']], [null, null, null]);
  const figures = ran.table('sar').filter((row) => row['sar'] !== null);
  assert.ok(figures.length > 0);
  for (const row of figures) {
    const [shared, own] = [row['shared_energy'] as number, row['own_energy'] as number];
    assert.ok(shared > 0 && shared <= own * (1 + 1e-9), 'no other directions hold more than its own');
  }
  agree(cell(ran.matrix('overlap:all'), 'rot90', 'rot90'), 1, 'overlap with itself');
});

test('k is the smallest that leaves no more than 5 % of the norm', () => {
  // Of a norm of 1 the last two values leave √0.0025 = 0.05, which is just allowed.
  const first = Math.sqrt(1 - 0.0025);
  assert.equal(rankWithin(Float64Array.from([first, 0.04, 0.03])), 1);
  assert.equal(rankWithin(Float64Array.from([first, 0.04, 0.0301])), 2);
  assert.equal(rankWithin(new Float64Array(3)), null);
});

/** A base of zeros and tasks with the given 3 × 3 matrices. */
async function threeByThree(tasks: Readonly<Record<string, readonly number[]>>) {
  const folder = temporaryFolder();
  const write = (name: string, values: readonly number[]) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'layers.0.mlp.up_proj.weight': { shape: [3, 3], values },
    });
  write('base', [0]);
  for (const [name, values] of Object.entries(tasks)) write(name, values);
  return study(folder, 'base', Object.keys(tasks));
}

test('a direction that the sum hardly has is not kept of a task until the sum is flattened', async () => {
  const opened = await threeByThree({
    strong: [10, 0, 0, 0, 0, 0, 0, 0, 0],
    weak: [0, 0, 0, 0, 1, 0, 0, 0, 0.25],
  });
  const ran = await run(subspaceAlignment, opened);
  // M = diag(10, 1, 0.25): one direction leaves 10 % of its norm, two leave 2.5 %.
  const [strong, weak] = ['strong', 'weak'].map((task) => only(ran.table('sar'), { task }));
  assert.deepEqual([strong?.['rank'], strong?.['rank_flattened']], [2, 3]);
  agree(strong?.['sar'], 1, 'strong');
  agree(weak?.['sar'], 1 / Math.hypot(1, 0.25), 'weak');
  agree(weak?.['sar_flattened'], 1, 'weak, flattened');
  agree(cell(ran.matrix('sar_gain:weak'), 'layer 0', 'mlp.up'), 1 - 1 / Math.hypot(1, 0.25), 'gain');
  const note = ran.artifacts.find(({ id }) => id === 'alignment');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /Flattening .* try it, above all for weak/);
});

test('tasks in the same directions overlap fully, in orthogonal ones not at all', async () => {
  const opened = await threeByThree({
    one: [2, 0, 0, 0, 0, 0, 0, 0, 0],
    same: [0, 3, 0, 0, 0, 0, 0, 0, 0],
    other: [0, 0, 0, 0, 0, 5, 0, 0, 0],
    between: [1, 0, 0, 1, 0, 0, 0, 0, 0],
  });
  const ran = await run(subspaceAlignment, opened);
  const pairs = ran.table('angles');
  agree(only(pairs, { a: 'one', b: 'same' })['overlap'], 1, 'same rows');
  agree(only(pairs, { a: 'one', b: 'other' })['overlap'], 0, 'other rows');
  agree(only(pairs, { a: 'one', b: 'between' })['overlap'], 1 / 2, '45° between');
  agree(only(pairs, { a: 'one', b: 'between' })['smallest_angle'], 45, '45° between');
  agree(only(pairs, { a: 'one', b: 'other' })['largest_angle'], 90, 'orthogonal');
  agree(cell(ran.matrix('overlap:all'), 'one', 'same'), 1, 'matrix');
});

test('interference is zero for orthogonal tasks, and written out for others', async () => {
  const orthogonal = await threeByThree({
    one: [2, 0, 0, 0, 0, 0, 0, 0, 0],
    other: [0, 0, 0, 0, 5, 0, 0, 0, 0],
  });
  const none = only((await run(subspaceAlignment, orthogonal)).table('interference'), {});
  agree(none['interference'], 0, 'orthogonal');
  // u₁ = v₁ = e₁, u₂ at 60°, v₂ at 45°: both Gram matrices have one cosine off the diagonal.
  const [x, y] = [Math.cos(Math.PI / 3), Math.sin(Math.PI / 3)];
  const s = Math.SQRT1_2;
  const skew = await threeByThree({
    one: [2, 0, 0, 0, 0, 0, 0, 0, 0],
    other: [3 * x * s, 3 * x * s, 0, 3 * y * s, 3 * y * s, 0, 0, 0, 0],
  });
  const row = only((await run(subspaceAlignment, skew)).table('interference'), {});
  // (G_U − I) Σ (G_V − I) = x·s·diag(σ₂, σ₁).
  agree(row['interference'], x * s * 5, 'interference');
  agree(row['relative'], x * s, 'over Σσ');
});

test('adapters are aligned as their products would be', async () => {
  const folder = temporaryFolder();
  const module = 'model.layers.0.self_attn.q_proj';
  const [m, n, r] = [9, 8, 2];
  const factor = (seed: number, length: number) =>
    Array.from({ length }, (_, index) => Math.fround(Math.sin(seed * 31 + index * index + 1)));
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${module}.weight`]: { shape: [m, n], values: [0] },
  });
  for (const [index, task] of ['x', 'y'].entries()) {
    const [a, b] = [factor(index, r * n), factor(index + 5, m * r)];
    writeAdapter(
      path.join(folder, task),
      { r, lora_alpha: 2 * r },
      {
        [`base_model.model.${module}.lora_A.weight`]: { shape: [r, n], values: a },
        [`base_model.model.${module}.lora_B.weight`]: { shape: [m, r], values: b },
      },
    );
    const product = Array.from({ length: m * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let k = 0; k < r; k++) sum += 2 * (b[row * r + k] ?? 0) * (a[k * n + column] ?? 0);
      return sum;
    });
    writeSafetensors(path.join(folder, `${task}-merged/model.safetensors`), {
      [`${module}.weight`]: { shape: [m, n], values: product },
    });
  }
  const factored = await run(subspaceAlignment, await study(folder, 'base', ['x', 'y']), {}, matrixPasses());
  const merged = await run(subspaceAlignment, await study(folder, 'base', ['x-merged', 'y-merged']), {
    top: 2,
  });
  for (const task of ['x', 'y']) {
    const [own, other] = [
      only(factored.table('sar'), { task }),
      only(merged.table('sar'), { task: `${task}-merged` }),
    ];
    // The merged values are rounded to float32.
    for (const figure of ['sar', 'shared_energy', 'own_energy']) {
      const [actual, expected] = [own[figure] as number, other[figure] as number];
      assert.ok(Math.abs(actual - expected) < 1e-6, `${task} ${figure}`);
    }
    assert.equal(own['rank'], other['rank']);
    agree(own['sar_flattened'], 1, 'all directions hold all of it');
  }
});

test('works for adapters and fine-tunes together', async () => {
  const opened = await study(CHARLM, 'base', ['json', 'lora/json-r8']);
  const ran = await run(subspaceAlignment, opened, { tensors: 'layers.1.self_attn' }, matrixPasses());
  assert.equal(ran.table('sar').length, 2 * 4);
  for (const row of ran.table('sar')) assert.ok((row['sar'] as number) > 0.9 && (row['sar'] as number) <= 1);
});

test('a task that is not finite in a tensor is left out there', async () => {
  const opened = await threeByThree({
    sound: [2, 0, 0, 0, 1, 0, 0, 0, 0],
    alike: [1, 0, 0, 0, 1, 0, 0, 0, 0],
    broken: [NaN, 0, 0, 0, 0, 0, 0, 0, 0],
  });
  const ran = await run(subspaceAlignment, opened);
  assert.deepEqual(
    ran.table('sar').map((row) => [row['task'], row['sar']]),
    [
      ['sound', 1],
      ['alike', 1],
    ],
  );
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  assert.equal(cell(ran.matrix('sar:broken'), 'layer 0', 'mlp.up'), null);
});

test('a tensor whose vectors would not fit is named and left out', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'vflip']);
  const output = await subspaceAlignment.run(
    opened,
    { tensors: 'layer.0.attention.output,layer.0.intermediate' },
    {
      passes: matrixPasses(),
      signal: new AbortController().signal,
      // A square matrix of 64 fits into a quarter of it, one of 128 × 64 does not.
      memoryBudget: 4 * 64 * 64 * 8,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(output.ok);
  assert.deepEqual(
    output.value.findings.map(({ code, at }) => [code, at]),
    [['matrix-too-large', 'vit.encoder.layer.0.intermediate.dense.weight']],
  );
  const table = output.value.artifacts.find((each) => each.kind === 'table' && each.id === 'sar');
  assert.ok(table?.kind === 'table');
  assert.equal(table.rows.length, 2);
});
