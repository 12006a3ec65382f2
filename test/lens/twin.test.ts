import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { twin } from '../../src/lens/twin';
import type { Series } from '../../src/protocol/artifact';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { matrixPasses } from './matrix-passes';
import { agree, cell, only, run, SAMPLES, study } from './run';
import { slowSvd } from './slow-matrix';
import { readValues } from './slow-passes';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');
const UP = 'layers.0.mlp.up_proj.weight';

/** A base of zeros and tasks with the given tensors. */
function written(tasks: Readonly<Record<string, Readonly<Record<string, Written>>>>) {
  const folder = temporaryFolder();
  const [first = {}] = Object.values(tasks);
  const zeros = Object.fromEntries(Object.entries(first).map(([name, { shape }]) => [name, { shape }]));
  writeSafetensors(path.join(folder, 'base/model.safetensors'), zeros);
  for (const [name, tensors] of Object.entries(tasks)) {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), tensors);
  }
  return study(folder, 'base', Object.keys(tasks));
}

const ORTHOGONAL = {
  a: { [UP]: { shape: [2, 2], values: [2, 0, 0, 0] } },
  b: { [UP]: { shape: [2, 2], values: [0, 0, 0, 2] } },
};

test('of orthogonal tasks half of each is exclusive to the mean of two', async () => {
  const ran = await run(twin, await written(ORTHOGONAL), { shared: 'mean' });
  const row = only(ran.table('tensors'), { task: 'a' });
  // θ* = diag(1, 1), v = diag(1, −1), τ = diag(2, 0).
  agree(row['exclusive_energy'], 2 / 4, 'exclusive');
  agree(row['shared_energy'], 2 / 4, 'shared');
  assert.deepEqual([row['rank95'], row['task_rank95']], [2, 1]);
  agree(cell(ran.matrix('exclusive_energy:a'), 'layer 0', 'mlp.up'), 1 / 2, 'cell');
});

test('equal tasks have nothing exclusive to their mean', async () => {
  const tensor = { [UP]: { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] } };
  const ran = await run(twin, await written({ a: tensor, b: tensor }), { shared: 'mean' });
  const row = only(ran.table('tensors'), { task: 'b' });
  agree(row['exclusive_energy'], 0, 'exclusive');
  agree(row['shared_energy'], 1, 'shared');
  assert.equal(row['rank95'], null);
});

test('a merged model of the study is told apart from the other tasks', async () => {
  const opened = await written({ ...ORTHOGONAL, soup: { [UP]: { shape: [2, 2], values: [1, 0, 0, 0] } } });
  const ran = await run(twin, opened, { shared: 'merged', merged: 'soup' });
  assert.equal(ran.table('tensors').length, 2);
  agree(only(ran.table('tensors'), { task: 'a' })['exclusive_energy'], 1 / 4, 'a');
  agree(only(ran.table('tensors'), { task: 'b' })['exclusive_energy'], 5 / 4, 'b');
  const note = ran.artifacts.find(({ id }) => id === 'budget');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /^b: 125 % .* the shared model is no nearer to it than the base/m);
});

test('a merged model that the study does not have is refused by name', async () => {
  const output = await twin.run(
    await written(ORTHOGONAL),
    { shared: 'merged', merged: 'soup' },
    {
      passes: matrixPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.match(output.problem.message, /"soup" is not a task/);
  assert.match(output.problem.action, /a, b/);
});

test('error and bytes of a budget are those of cutting the matrices', async () => {
  const tensor = 'vit.encoder.layer.1.intermediate.dense.weight';
  const opened = await study(VIT, 'base', ['rot90', 'vflip']);
  const ran = await run(twin, opened, { tensors: 'layer.1.intermediate', lambda: 0.4 }, matrixPasses());
  const values = (name: string) => {
    const of = name === 'base' ? opened.base : opened.tasks.find((task) => task.name === name)?.checkpoint;
    const entry = of?.tensors.find((each) => each.name === tensor);
    assert.ok(entry);
    return readValues(entry.span);
  };
  const [base, rot90, vflip] = [values('base'), values('rot90'), values('vflip')];
  const tau = rot90.map((value, at) => value - (base[at] ?? 0));
  const rest = tau.map((value, at) => value - 0.4 * (value + (vflip[at] ?? 0) - (base[at] ?? 0)));
  const [whole, exclusive] = [tau, rest].map((matrix) => slowSvd(matrix, 128, 64).values);
  // The bias of the same module is kept whole: its change only counts in ‖τ‖.
  const norm = Math.hypot(
    ...ran.table('tensors').flatMap((row) => (row['task'] === 'rot90' ? [row['norm'] as number] : [])),
  );
  for (const rank of [1, 4, 32]) {
    const row = only(ran.table('budgets'), { task: 'rot90', rank });
    agree(row['error_task'], Math.hypot(...(whole ?? []).slice(rank)) / norm, `τ at ${String(rank)}`);
    agree(
      row['error_exclusive'],
      Math.hypot(...(exclusive ?? []).slice(rank)) / norm,
      `v at ${String(rank)}`,
    );
    assert.equal(row['bytes'], 4 * (rank * (128 + 64) + 128));
  }
  // At rank 64 factors are larger than the matrix, which is then kept.
  const last = only(ran.table('budgets'), { task: 'rot90', rank: 64 });
  assert.deepEqual(
    [last['error_exclusive'], last['bytes'], last['share_of_dense']],
    [0, 4 * (128 * 64 + 128), 1],
  );
  const curve = ran.artifacts.find((each): each is Series => each.id === 'error:rot90');
  assert.deepEqual(curve?.x.values, [1, 2, 4, 8, 16, 32, 64]);
  assert.equal(unpackNumbers(curve.lines[0]?.values ?? []).at(-1), 0);
});

test('an adapter is split without being formed, and its size is that of its factors', async () => {
  const opened = await study(CHARLM, 'base', ['lora/json-r8', 'lora/python-rslora-r16']);
  const ran = await run(twin, opened, { tensors: 'layers.2.mlp.up_proj', shared: 'mean' }, matrixPasses());
  const row = only(ran.table('tensors'), { task: 'json-r8' });
  // v = (τ₁ − τ₂)/2 and the shared part (τ₁ + τ₂)/2: their energies add up to (‖τ₁‖² + ‖τ₂‖²)/2.
  const other = only(ran.table('tensors'), { task: 'python-rslora-r16' });
  const energies = (row['norm'] as number) ** 2 + (other['norm'] as number) ** 2;
  const sum = (row['exclusive_energy'] as number) + (row['shared_energy'] as number);
  agree(sum * (row['norm'] as number) ** 2, energies / 2, 'parallelogram');
  agree(row['norm_exclusive'], other['norm_exclusive'] as number, 'both are as far from their mean');
  const budget = only(ran.table('budgets'), { task: 'json-r8', rank: 8 });
  agree(budget['share_of_dense'], 1, 'as large as the adapter');
  agree(budget['error_task'], 0, 'all of its ranks');
});

test('where a task is not finite nobody has an exclusive part, but the others keep their own figures', async () => {
  const opened = await written({
    ...ORTHOGONAL,
    broken: { [UP]: { shape: [2, 2], values: [NaN, 0, 0, 0] } },
  });
  const ran = await run(twin, opened, { shared: 'mean' });
  assert.deepEqual(
    ran.table('tensors').map((row) => [row['task'], row['exclusive_energy'], row['task_rank95']]),
    [
      ['a', null, 1],
      ['b', null, 1],
      ['broken', null, null],
    ],
  );
  assert.deepEqual(
    ran.findings.map(({ message }) => /^\w+/.exec(message)?.[0]),
    ['broken'],
  );
});
