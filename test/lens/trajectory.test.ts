import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { trajectory } from '../../src/lens/trajectory';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import type { Study } from '../../src/model/study';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { agree, cell, only, run, study, WITH_ZOO, ZOO } from './run';
import { readValues } from './slow-passes';

const NAMES = ['model.layers.0.mlp.up_proj.weight', 'model.layers.1.mlp.up_proj.weight'];

/** θ of both layers, 2 × 2 each, at every step: the first layer comes to rest at step 20. */
const RUN: Readonly<Record<number, readonly [readonly number[], readonly number[]]>> = {
  10: [
    [1, 0, 0, 2],
    [2, 0, 0, 1],
  ],
  20: [
    [2, 0, 0, 2],
    [3, 0, 1, 1],
  ],
  100: [
    [2.1, 0, 0, 2],
    [3, 4, -1, 1],
  ],
};
const BASE: readonly [readonly number[], readonly number[]] = [
  [1, 0, 0, 1],
  [1, 0, 0, 1],
];

function writeRun(): string {
  const folder = temporaryFolder();
  const write = (name: string, [first, second]: (typeof RUN)[number]) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      [NAMES[0] ?? '']: { shape: [2, 2], values: first },
      [NAMES[1] ?? '']: { shape: [2, 2], values: second },
    });
  write('base', BASE);
  for (const [step, values] of Object.entries(RUN)) {
    write(`run/checkpoint-${step}`, values);
    const log = [10, 20, 100].filter((at) => at <= Number(step)).map((at) => ({ step: at, loss: 1 / at }));
    const state = { global_step: Number(step), log_history: [...log, { step: 20, eval_loss: 0.5 }] };
    fs.writeFileSync(path.join(folder, `run/checkpoint-${step}/trainer_state.json`), JSON.stringify(state));
  }
  return folder;
}

async function open(folder: string): Promise<Study> {
  const tasks = [{ name: 'run', path: path.join(folder, 'run'), run: true as const }];
  const opened = await openStudy({ name: 's', base: path.join(folder, 'base'), tasks });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

const norm = (x: readonly number[]) => Math.hypot(...x);
const minus = (x: readonly number[], y: readonly number[]) => x.map((value, at) => value - (y[at] ?? NaN));
const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);
const cosine = (x: readonly number[], y: readonly number[]) => inner(x, y) / (norm(x) * norm(y));

test('every figure of a checkpoint is what the weights say', async () => {
  const ran = await run(trajectory, await open(writeRun()));
  const thetas = [BASE, ...Object.values(RUN)].map(([first, second]) => [...first, ...second]);
  const [base = [], ...stages] = thetas;
  const last = minus(stages.at(-1) ?? [], base);
  stages.forEach((theta, k) => {
    const row = only(ran.table('steps'), { step: [10, 20, 100][k] ?? null });
    const tau = minus(theta, base);
    const before = thetas[k] ?? [];
    const step = minus(theta, before);
    agree(row['norm'], norm(tau), 'norm');
    agree(row['relative'], norm(tau) / norm(base), 'relative');
    agree(row['cosine_with_last'], cosine(tau, last), 'cosine with the last');
    agree(row['cosine_with_previous'], k === 0 ? null : cosine(tau, minus(before, base)), 'with previous');
    agree(row['drift'], norm(step), 'drift');
    agree(row['relative_drift'], norm(step) / norm(before), 'relative drift');
    const stage = k === 0 ? null : cosine(step, minus(before, thetas[k - 1] ?? []));
    agree(row['stage_cosine'], stage, 'stage cosine');
    agree(row['remaining'], norm(minus(tau, last)) / norm(last), 'remaining');
    agree(row['loss'], 1 / ([10, 20, 100][k] ?? NaN), 'loss');
  });
});

test('checkpoints stand in the order of their steps, whatever the order of the study', async () => {
  const folder = writeRun();
  const tasks = ['100', '10', '20'].map((step) => ({
    name: `at ${step}`,
    path: path.join(folder, `run/checkpoint-${step}`),
  }));
  const opened = await openStudy({ name: 's', base: path.join(folder, 'base'), tasks });
  assert.ok(opened.ok);
  const rows = (await run(trajectory, opened.value)).table('steps');
  assert.deepEqual(
    rows.map((row) => [row['checkpoint'], row['step']]),
    [
      ['at 10', 10],
      ['at 20', 20],
      ['at 100', 100],
    ],
  );
});

test('tells which layer came to rest first, and what to freeze from when on', async () => {
  const ran = await run(trajectory, await open(writeRun()), { settled: 0.1 });
  const rows = ran.table('freeze_order');
  assert.deepEqual(
    rows.map((row) => [row['layer'], row['step']]),
    [
      ['model.layers.0', 20],
      ['model.layers.1', 100],
    ],
  );
  const advice = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(advice?.kind === 'note' && advice.role === 'recommendation');
  assert.match(advice.text, /^layer 0 stayed within 10 % of the whole change from step 20 on/);
  const moved = cell(ran.matrix('relative_drift:layer'), 'layer 1', 'step 100');
  agree(moved, Math.hypot(4, 2) / Math.hypot(3, 1, 1), 'drift of layer 1');
});

test('shows the losses that the trainer logged', async () => {
  const ran = await run(trajectory, await open(writeRun()));
  const loss = ran.artifacts.find(({ id }) => id === 'loss');
  assert.ok(loss?.kind === 'series');
  assert.deepEqual(loss.x.values, [10, 20, 100]);
  assert.deepEqual(
    loss.lines.map(({ name, values }) => [name, unpackNumbers(values)]),
    [
      ['training loss', [0.1, 0.05, 0.01]],
      ['evaluation loss', [null, 0.5, null]],
    ],
  );
});

test('follows singular values and the rotation of their subspace', async () => {
  const ran = await run(trajectory, await open(writeRun()), { rank: 1 });
  const row = (step: number) =>
    only(ran.table('subspaces'), { tensor: NAMES[0] ?? '', step }) as Record<string, unknown>;
  // τ of the first layer: diag(0, 1), diag(1, 1), diag(1.1, 1).
  agree(row(10)['largest'] as number, 1, 'first σ₁');
  assert.equal(row(10)['overlap'], null);
  agree(row(100)['largest'] as number, 1.1, 'last σ₁');
  const none = await run(trajectory, await open(writeRun()), { rank: 0 });
  assert.equal(
    none.artifacts.some(({ id }) => id === 'subspaces'),
    false,
  );
});

test('a turned subspace has the angle it was turned by', async () => {
  const folder = temporaryFolder();
  const angle = 0.3;
  const name = NAMES[0] ?? '';
  const write = (at: string, values: readonly number[]) =>
    writeSafetensors(path.join(folder, at, 'model.safetensors'), { [name]: { shape: [2, 2], values } });
  write('base', [0, 0, 0, 0]);
  write('run/step-1', [2, 0, 0, 0]);
  write('run/step-2', [3 * Math.cos(angle), 0, 3 * Math.sin(angle), 0]);
  const ran = await run(trajectory, await open(folder), { rank: 2 });
  const row = only(ran.table('subspaces'), { tensor: name, step: 2 });
  agree(row['angle'], (angle * 180) / Math.PI, 'angle');
  agree(row['overlap'], Math.cos(angle) ** 2, 'overlap');
  agree(cell(ran.matrix('rotation:layer'), 'layer 0', 'step 2'), Math.sin(angle) ** 2, 'rotation');
});

test('agrees with the weights of a real run', WITH_ZOO, async () => {
  const folder = path.join(ZOO, 'charlm');
  const opened = await openStudy({
    name: 'kjv',
    base: path.join(folder, 'base'),
    tasks: [{ name: 'kjv', path: path.join(folder, 'runs/kjv') }],
  });
  assert.ok(opened.ok);
  const { base, tasks } = opened.value;
  const names = base?.tensors.map(({ name }) => name) ?? [];
  const zero = names.flatMap((name) => valuesOf(base, name));
  const taus = tasks.map(({ checkpoint }) =>
    minus(
      names.flatMap((name) => valuesOf(checkpoint, name)),
      zero,
    ),
  );
  const size = (x: readonly number[]) => Math.sqrt(inner(x, x));
  const last = taus.at(-1) ?? [];
  const ran = await run(trajectory, opened.value, { rank: 0 });
  assert.equal(ran.table('steps').length, 6);
  taus.forEach((tau, k) => {
    const row = only(ran.table('steps'), { checkpoint: tasks[k]?.name ?? '' });
    agree(row['norm'], size(tau), 'norm');
    agree(row['cosine_with_last'], inner(tau, last) / (size(tau) * size(last)), 'cosine with the last');
  });
});

function valuesOf(checkpoint: Study['base'], name: string): number[] {
  const entry = checkpoint?.tensors.find((each) => each.name === name);
  assert.ok(entry);
  return readValues(entry.span);
}

test('tasks that are no run get their figures in the order given, but no advice on freezing', async () => {
  const folder = writeRun();
  for (const step of [20, 10]) {
    fs.renameSync(path.join(folder, `run/checkpoint-${String(step)}`), path.join(folder, `task-${String(step)}`));
    fs.rmSync(path.join(folder, `task-${String(step)}/trainer_state.json`));
  }
  const ran = await run(trajectory, await study(folder, 'base', ['task-20', 'task-10']));
  assert.deepEqual(ran.table('steps').map(({ checkpoint }) => checkpoint), ['task-20', 'task-10']);
  assert.equal(ran.artifacts.some(({ id }) => id === 'freeze_order' || id === 'advice'), false);
  const [first] = ran.artifacts;
  assert.ok(first?.kind === 'note' && first.role === 'verdict' && first.severity === 'warning');
  assert.match(first.text, /not the checkpoints of one run/);
}); // prettier-ignore
