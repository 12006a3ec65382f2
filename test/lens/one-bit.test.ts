import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { oneBit } from '../../src/lens/one-bit';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study } from './run';
import { product, readValues, slowPasses } from './slow-passes';
import { writtenTasks } from './written-tasks';
import type { TaskVectorReference } from './reference';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

/** ‖τ − a·sign(τ)‖²/‖τ‖² as it is said, not by the formula. */
function slowError(tau: readonly number[]): number | null {
  const a = tau.reduce((sum, x) => sum + Math.abs(x), 0) / tau.length;
  const lost = tau.reduce((sum, x) => sum + (x === 0 ? a * a : (x - a * Math.sign(x)) ** 2), 0);
  const squares = tau.reduce((sum, x) => sum + x * x, 0);
  return squares > 0 ? lost / squares : null;
}

test('agrees with storing signs and one size, tensor by tensor', async () => {
  const opened = await study(VIT, 'base', ['rot90']);
  const ran = await run(oneBit, opened);
  const tensors = ran.table('tensors');
  const byName = new Map(opened.base?.tensors.map((entry) => [entry.name, entry]));
  assert.ok(tensors.length > 50);
  for (const row of tensors) {
    const base = byName.get(String(row['tensor']));
    const delta = opened.tasks[0]?.deltas.get(String(row['tensor']));
    assert.ok(base && delta?.kind === 'dense');
    const before = readValues(base.span);
    const tau = readValues(delta.span).map((value, i) => value - (before[i] ?? 0));
    // 0 gets a sign as well: a bit has no third value. The formula of the paper counts it so, too.
    agree(row['error'], slowError(tau), String(row['tensor']));
  }
});

test('the norms behind it are those of the references', async () => {
  const reference = readJson<TaskVectorReference>(FIXTURES, 'vit-digits-taskvectors.json');
  const ran = await run(oneBit, await study(VIT, 'base', reference.tasks));
  for (const [tensor, { norm }] of Object.entries(reference.tensors)) {
    const row = only(ran.table('tensors'), { tensor, task: 'invert' });
    if (norm['invert'] === 0) assert.equal(row['error'], null);
    else {
      // error = 1 − N·a²/‖τ‖²
      const kept = ((row['scale'] as number) ** 2 * (row['count'] as number)) / (norm['invert'] ?? 0) ** 2;
      agree(row['error'], 1 - kept, tensor);
    }
  }
});

test('changes of one size lose nothing, a single change nearly everything', async () => {
  const ran = await run(
    oneBit,
    await writtenTasks({
      a: { 'x.0.even': [0.5, -0.5, 0.5, -0.5], 'x.1.spike': [...Array<number>(99).fill(0), 7] },
    }),
  );
  agree(only(ran.table('tensors'), { tensor: 'x.0.even' })['error'], 0, 'even');
  agree(only(ran.table('tensors'), { tensor: 'x.1.spike' })['error'], 0.99, 'spike');
  // Each tensor keeps its own size: 1 of 1, and 0.49 of 49.
  agree(only(ran.table('tasks'), { task: 'a' })['error'], 1 - 1.49 / 50, 'task');
  agree(cell(ran.matrix('error:a'), 'x 1', 'other'), 0.99, 'cell');
});

test('an adapter is taken by the entries of its product, without reading the base', async () => {
  const opened = await study(CHARLM, 'base', ['lora/json-r8']);
  const passes = slowPasses();
  const ran = await run(oneBit, opened, {}, passes);
  const tensor = 'model.layers.0.self_attn.q_proj.weight';
  const delta = opened.tasks[0]?.deltas.get(tensor);
  assert.ok(delta?.kind === 'lowRank');
  const factors = await delta.load();
  assert.ok(factors.ok);
  agree(only(ran.table('tensors'), { tensor })['error'], slowError(product(factors.value)), 'error');
  const bytes = [...(opened.tasks[0]?.deltas.values() ?? [])].reduce(
    (sum, each) => sum + (each.kind === 'lowRank' ? each.bytes : 0),
    0,
  );
  assert.equal(ran.bytesRead, bytes);
});

test('counts a bit for each entry and four bytes for each tensor', async () => {
  const ran = await run(oneBit, await writtenTasks({ a: { v: [1, 2, 3], w: [1, 2, 3, 4, 5, 6, 7, 8, 9] } }));
  const row = only(ran.table('tasks'), { task: 'a' });
  assert.deepEqual([row['bytes'], row['one_bit_bytes']], [48, 1 + 4 + 2 + 4]);
});

test('leaves out what is not finite and says so', async () => {
  const ran = await run(oneBit, await writtenTasks({ a: { v: [NaN, 2, -2], w: [NaN, Infinity] } }));
  agree(only(ran.table('tensors'), { tensor: 'v' })['error'], 0, 'v');
  assert.equal(only(ran.table('tensors'), { tensor: 'w' })['error'], null);
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite', 'task-tensor-not-finite'],
  );
});

test('recommends with reason and limits, and not where nothing is saved', async () => {
  const ran = await run(oneBit, await study(CHARLM, 'base', ['json', 'lora/json-r8']));
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /^json: loses .* of ‖τ‖²/);
  assert.match(note.text, /Limits: /);
});
