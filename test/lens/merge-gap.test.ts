import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { mergeGap } from '../../src/lens/merge-gap';
import type { Study } from '../../src/model/study';
import { temporaryFolder, writeAdapter, writeSafetensors } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study } from './run';
import { product, readValues } from './slow-passes';
import { writtenTasks } from './written-tasks';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');
const TENSOR = 'vit.encoder.layer.3.intermediate.dense.weight';

function tausOf(opened: Study, tensor: string): number[][] {
  const base = opened.base?.tensors.find(({ name }) => name === tensor);
  assert.ok(base);
  const before = readValues(base.span);
  return opened.tasks.map(({ checkpoint }) => {
    const own = checkpoint.tensors.find(({ name }) => name === tensor);
    assert.ok(own);
    return readValues(own.span).map((value, at) => value - (before[at] ?? NaN));
  });
}

const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);

/** The gap as its formula reads, row by row. */
function slowGap(tau: readonly number[], merged: readonly number[], columns: number): number {
  let gap = 0;
  let fourth = 0;
  for (let at = 0; at < tau.length; at += columns) {
    const row = tau.slice(at, at + columns);
    const rest = row.map((value, k) => value - (merged[at + k] ?? NaN));
    gap += inner(row, rest) ** 2;
    fourth += inner(row, row) ** 2;
  }
  return gap / fourth;
}

test('agrees with the formula on the weights, with weights for each task', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert', 'vflip']);
  const taus = tausOf(opened, TENSOR);
  const weights = [0.5, 0.3, 0.2];
  const merged = (taus[0] ?? []).map((_, at) =>
    taus.reduce((sum, tau, t) => sum + (weights[t] ?? NaN) * (tau[at] ?? NaN), 0),
  );
  const ran = await run(mergeGap, opened, { lambda: '0.3,rot90=0.5,vflip=0.2' });
  opened.tasks.forEach(({ name }, t) => {
    const tau = taus[t] ?? [];
    const row = only(ran.table('gaps'), { tensor: TENSOR, task: name });
    agree(row['gap'], slowGap(tau, merged, 64), `${name} gap`);
    const rest = tau.map((value, at) => value - (merged[at] ?? NaN));
    agree(row['residual'], Math.sqrt(inner(rest, rest) / inner(tau, tau)), `${name} residual`);
    agree(only(ran.table('tasks'), { task: name })['weight'], weights[t] ?? NaN, 'weight');
  });
  const [worst] = ran.table('rows');
  assert.ok((worst?.['gap'] as number) >= (ran.table('rows').at(-1)?.['gap'] as number));
});

test('the mean of all tasks, and sign election by its definition', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert', 'vflip']);
  const taus = tausOf(opened, TENSOR);
  const mean = (taus[0] ?? []).map((_, at) => taus.reduce((sum, tau) => sum + (tau[at] ?? NaN) / 3, 0));
  const elected = (taus[0] ?? []).map((_, at) => {
    const values = taus.map((tau) => tau[at] ?? NaN);
    const sign = Math.sign(values.reduce((sum, value) => sum + value, 0));
    const agreeing = values.filter((value) => value !== 0 && Math.sign(value) === sign);
    return agreeing.length === 0
      ? 0
      : (0.7 * agreeing.reduce((sum, value) => sum + value, 0)) / agreeing.length;
  });
  for (const [method, merged] of [
    ['mean', mean],
    ['sign_election', elected],
  ] as const) {
    const ran = await run(mergeGap, opened, { method, lambda: '0.7' });
    opened.tasks.forEach(({ name }, t) => {
      const row = only(ran.table('gaps'), { tensor: TENSOR, task: name });
      agree(row['gap'], slowGap(taus[t] ?? [], merged, 64), `${method} ${name}`);
    });
  }
});

test('a merge that is the task itself has no gap, one without it has the whole', async () => {
  const ran = await run(mergeGap, await study(VIT, 'base', ['rot90', 'invert']), {
    lambda: 'rot90=1,invert=0',
  });
  const row = only(ran.table('tasks'), { task: 'rot90' });
  assert.ok(Math.abs(row['gap'] as number) < 1e-20 && Math.abs(row['residual'] as number) < 1e-7);
  assert.equal(cell(ran.matrix('gap:rot90'), 'output', 'head'), null);
  const nothing = await run(mergeGap, await study(VIT, 'base', ['rot90', 'invert']), { lambda: '0' });
  agree(only(nothing.table('tasks'), { task: 'rot90' })['gap'], 1, 'gap of nothing');
});

test('adapters and fine-tunes are merged together', async () => {
  const ran = await run(mergeGap, await study(CHARLM, 'base', ['json', 'lora/json-r8']));
  for (const { task, gap } of ran.table('tasks')) {
    assert.ok((gap as number) > 0 && (gap as number) < 1, String(task));
  }
  assert.equal(
    ran.artifacts.some(({ id }) => id === 'cross_terms'),
    false,
  );
});

test('cross terms of merged factors are what the products say', async () => {
  const folder = temporaryFolder();
  const name = 'model.layers.0.self_attn.q_proj';
  writeSafetensors(path.join(folder, 'base/model.safetensors'), {
    [`${name}.weight`]: { shape: [2, 3], values: [1, 0, 0, 0, 1, 0] },
  });
  const write = (adapter: string, alpha: number, a: readonly number[], b: readonly number[]) =>
    writeAdapter(
      path.join(folder, adapter),
      { r: 1, lora_alpha: alpha },
      {
        [`base_model.model.${name}.lora_A.weight`]: { shape: [1, 3], values: a },
        [`base_model.model.${name}.lora_B.weight`]: { shape: [2, 1], values: b },
      },
    );
  write('x', 2, [1, 2, 0], [1, -1]);
  write('y', 3, [0, 1, 1], [2, 1]);
  const opened = await study(folder, 'base', ['x', 'y']);
  const ran = await run(mergeGap, opened, { lambda: 'x=0.5,y=0.25' });
  const outer = (b: readonly number[], a: readonly number[], factor: number) =>
    b.flatMap((value) => a.map((other) => factor * value * other));
  const both = Math.sqrt(0.5 * 2) * Math.sqrt(0.25 * 3);
  const [p, q] = [outer([1, -1], [0, 1, 1], both), outer([2, 1], [1, 2, 0], both)];
  const cross = Math.hypot(...p.map((value, at) => value + (q[at] ?? NaN)));
  const [u, v] = [outer([1, -1], [1, 2, 0], 1), outer([2, 1], [0, 1, 1], 0.75)];
  const wanted = Math.hypot(...u.map((value, at) => value + (v[at] ?? NaN)));
  const row = only(ran.table('cross_terms'), { tensor: `${name}.weight` });
  agree(row['cross'], cross, 'cross terms');
  agree(row['wanted'], wanted, 'wanted');
  agree(row['share'], cross / wanted, 'share');
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.match(note?.kind === 'note' ? note.text : '', /PEFT "linear" would add cross terms/);
});

test('factors of different ranks cannot be merged apart, and the note says so', async () => {
  const opened = await study(CHARLM, 'base', ['lora/json-r8', 'lora/python-rslora-r16']);
  const ran = await run(mergeGap, opened);
  assert.ok(ran.table('cross_terms').every((row) => row['cross'] === null));
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.match(note?.kind === 'note' ? note.text : '', /different ranks/);
  const tensor = String(ran.table('cross_terms')[0]?.['tensor']);
  const deltas = await Promise.all(
    opened.tasks.map(async ({ deltas: own }) => {
      const delta = own.get(tensor);
      assert.ok(delta?.kind === 'lowRank');
      const loaded = await delta.load();
      assert.ok(loaded.ok);
      return { tau: product(loaded.value), columns: loaded.value.columns };
    }),
  );
  const merged = (deltas[0]?.tau ?? []).map((_, at) =>
    deltas.reduce((sum, { tau }) => sum + 0.3 * (tau[at] ?? NaN), 0),
  );
  const row = only(ran.table('gaps'), { tensor, task: 'json-r8' });
  agree(row['gap'], slowGap(deltas[0]?.tau ?? [], merged, deltas[0]?.columns ?? 1), 'gap of an adapter');
});

test('entries that are not finite are told', async () => {
  const ran = await run(mergeGap, await writtenTasks({ a: { w: [NaN, 1] }, b: { w: [1, 2] } }));
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite'],
  );
  agree(only(ran.table('tasks'), { task: 'a' })['gap'], (1 - 0.9) ** 2, 'over the rest');
});
