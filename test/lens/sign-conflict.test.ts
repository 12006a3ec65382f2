import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { signConflict } from '../../src/lens/sign-conflict';
import { unpackNumbers } from '../../src/protocol/numbers';
import { agreeWithSignConflicts, type TaskVectorReference } from './reference';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';
import { writtenTasks } from './written-tasks';

const VIT = path.join(SAMPLES, 'vit-digits');

test('agrees with the reference conflicts of the samples', async () => {
  const reference = readJson<TaskVectorReference>(FIXTURES, 'vit-digits-taskvectors.json');
  agreeWithSignConflicts(await run(signConflict, await study(VIT, 'base', reference.tasks)), reference);
});

for (const network of ['vit-digits', 'cnn-digits']) {
  test(`agrees with all reference conflicts of ${network}`, WITH_ZOO, async () => {
    const reference = readJson<TaskVectorReference>(ZOO, 'reference', network, 'taskvectors.json');
    const opened = await study(path.join(ZOO, network), 'base', reference.tasks);
    agreeWithSignConflicts(await run(signConflict, opened), reference);
  });
}

test('the index is 0 for equal task vectors, 1 − 1/T for orthogonal ones and 1 where they cancel', async () => {
  const ran = await run(
    signConflict,
    await writtenTasks({
      a: { 'x.0.same': [1, 2], 'x.1.orthogonal': [1, 0], 'x.2.opposite': [3, -1], 'x.3.none': [0, 0] },
      b: { 'x.0.same': [1, 2], 'x.1.orthogonal': [0, 5], 'x.2.opposite': [-3, 1], 'x.3.none': [0, 0] },
    }),
  );
  const index = (scope: string) => only(ran.table('scopes'), { scope })['index'];
  assert.equal(index('x.0'), 0);
  // Half of ‖Στ‖²/(2·Σ‖τ‖²) is left where one vector is five times the other: still orthogonal.
  agree(index('x.1'), 0.5, 'orthogonal');
  assert.equal(index('x.2'), 1);
  assert.equal(index('x.3'), null);
});

test('counts pairs, elections and who is active by hand', async () => {
  const opened = await writtenTasks({
    a: { w: [1, 1, -1, 0, 0.1, 0] },
    b: { w: [2, -3, 0, 0, 0.1, -1] },
    c: { w: [-1, 1, 1, 0, 0.1, 0] },
  });
  const ran = await run(signConflict, opened, { epsilon: 0.5 });
  const conflict = (a: string, b: string) => only(ran.table('pairs'), { scope: 'w', a, b })['conflict'];
  assert.deepEqual([conflict('a', 'b'), conflict('a', 'c'), conflict('b', 'c')], [1 / 3, 2 / 4, 2 / 3]);
  const all = only(ran.table('scopes'), { scope: 'all' });
  agree(all['conflict_any'], 3 / 6, 'conflict_any');
  // Sums: 2, −1, 0, 0, 0.3, −1.
  agree(all['elected_positive'], 2 / 6, 'positive');
  agree(all['elected_negative'], 2 / 6, 'negative');
  agree(all['elected_none'], 2 / 6, 'none');
  agree(all['agreeing'], (2 + 1 + 0 + 3 + 1) / 12, 'agreeing');
  agree(all['inactive'], 2 / 6, 'inactive');
  agree(all['unique'], 1 / 6, 'unique');
  agree(all['shared'], 3 / 6, 'shared');
  const tasks = ran.table('tasks');
  agree(only(tasks, { task: 'a' })['agreeing'], 2 / 4, 'a agrees');
  agree(only(tasks, { task: 'b' })['unique'], 1 / 6, 'b alone');
});

test('a NaN of one task leaves the other tasks counted there, and is told', async () => {
  const opened = await writtenTasks({
    a: { w: [NaN, 1, NaN] },
    b: { w: [1, -1, NaN] },
    c: { w: [-1, -1, NaN] },
  });
  const ran = await run(signConflict, opened);
  const conflict = (a: string, b: string) => only(ran.table('pairs'), { scope: 'w', a, b })['conflict'];
  assert.deepEqual([conflict('a', 'b'), conflict('b', 'c')], [1, 0.5]);
  // The last entry is nobody's, so it is in no share.
  assert.equal(only(ran.table('scopes'), { scope: 'w' })['conflict_any'], 1);
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite', 'task-tensor-not-finite', 'task-tensor-not-finite'],
  );
});

test('a tensor that a fine-tune lacks is undefined in its pairs and not part of the index', async () => {
  const opened = await writtenTasks({ a: { v: [1, 1], w: [2, 2] }, b: { v: [1, 1] } });
  const ran = await run(signConflict, opened);
  assert.equal(only(ran.table('pairs'), { scope: 'w', a: 'a', b: 'b' })['conflict'], null);
  assert.equal(only(ran.table('scopes'), { scope: 'w' })['index'], 0);
});

test('an adapter is compared with a fine-tune entry by entry', async () => {
  const ran = await run(
    signConflict,
    await study(path.join(SAMPLES, 'charlm'), 'base', ['json', 'lora/json-r8']),
  );
  const module = 'model.layers.0.self_attn.q_proj.weight';
  const conflict = only(ran.table('pairs'), { scope: module, a: 'json', b: 'json-r8' })['conflict'] as number;
  assert.ok(conflict > 0.3 && conflict < 0.5, String(conflict));
  const untouched = only(ran.table('pairs'), { scope: 'model.norm.weight', a: 'json', b: 'json-r8' });
  assert.equal(untouched['conflict'], null);
});

test('has a heatmap of each figure, a matrix for each layer and stacked shares that add up to 1', async () => {
  const ran = await run(signConflict, await study(VIT, 'base', ['rot90', 'invert', 'vflip']));
  const query = cell(ran.matrix('conflict_any'), 'layer 2', 'attention.query');
  assert.ok(query !== null && query > 0.6 && query < 0.9);
  assert.equal(cell(ran.matrix('all'), 'rot90', 'rot90'), 0);
  const stacked = ran.artifacts.filter((each) => each.kind === 'series');
  assert.deepEqual(
    stacked.map(({ id, style }) => [id, style]),
    [
      ['activity', 'stacked'],
      ['election', 'stacked'],
    ],
  );
  for (const { lines } of stacked) {
    const values = lines.map((line) => unpackNumbers(line.values));
    values[0]?.forEach((_, at) =>
      agree(
        values.reduce((sum, line) => sum + (line[at] ?? 0), 0),
        1,
        'sum',
      ),
    );
  }
});

test('says in words which tasks pull apart, where, and what to do', async () => {
  const opened = await writtenTasks({
    left: { 'model.layers.0.mlp.up_proj.weight': [1, 1, 1, 1], 'model.layers.1.mlp.up_proj.weight': [1, 1] },
    right: {
      'model.layers.0.mlp.up_proj.weight': [-1, -1, -1, 1],
      'model.layers.1.mlp.up_proj.weight': [1, 1],
    },
  });
  const ran = await run(signConflict, opened);
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /left and right .* 50 % opposite signs .* 75 % in layer 0 mlp\.up/);
  assert.match(note.text, /Limits: /);
});
