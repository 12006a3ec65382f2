import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { lambdasOf } from '../../src/lens/lambda-parameter';
import { tallMasks } from '../../src/lens/tall-masks';
import { unpackNumbers } from '../../src/protocol/numbers';
import { slowPasses } from './slow-passes';
import { agreeWithTall, type TallReference } from './reference';
import { agree, cell, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';
import { writtenTasks } from './written-tasks';

const VIT = path.join(SAMPLES, 'vit-digits');

test('agrees with all reference masks of vit-digits, at one λ and at several', WITH_ZOO, async () => {
  const all = readJson<Record<string, TallReference>>(ZOO, 'reference/vit-digits/tall.json');
  for (const [lambda, reference] of Object.entries(all)) {
    const opened = await study(path.join(ZOO, 'vit-digits'), 'base', reference.tasks);
    const ran = await run(tallMasks, opened, { lambda, grid: lambda === '0.4' });
    agreeWithTall(ran, reference);
    if (lambda !== '0.4') continue;
    for (const series of ran.artifacts.filter(
      (each) => each.kind === 'series' && each.id.startsWith('grid:'),
    )) {
      assert.ok(series.kind === 'series');
      for (const [line, task] of reference.tasks.entries()) {
        const values = unpackNumbers(series.lines[line]?.values ?? []);
        for (const [at, value] of series.x.values.entries()) {
          const other = all[String(value)];
          if (!other) continue;
          const { density_all, reconstruction_error } = other;
          const wanted = (series.id === 'grid:density' ? density_all : reconstruction_error)[task] ?? null;
          agree(values[at], wanted, `${series.id} ${task} at ${String(value)}`);
        }
      }
    }
  }
});

test('masks by hand: strict, with λ of each task', async () => {
  const opened = await writtenTasks({
    a: { w: [2, 1, 0, 3, -1] },
    b: { w: [1, 1, 0, -1, 0] },
  });
  // Others' change against the own: a needs |τ| > 0.5·|b|, b needs |τ| > 1·|a|.
  const ran = await run(tallMasks, opened, { lambda: 'a=0.5,b=1' });
  const density = (task: string) => only(ran.table('density'), { task, scope: 'all' })['density'];
  agree(density('a'), 4 / 5, 'a: 2 > 0.5, 1 > 0.5, 0 is not > 0, 3 > 0.5, 1 > 0');
  agree(density('b'), 0, 'b: 1 is not > 1, nor 1 > 2 or 1 > 3');
  const overlap = only(ran.table('overlap'), { a: 'a', b: 'b' });
  assert.deepEqual([overlap['iou'], overlap['containment']], [0, 0]);
  assert.equal(only(ran.table('overlap'), { a: 'b', b: 'a' })['containment'], null);
  assert.deepEqual(
    ran.table('histogram').map((row) => [row['tasks_on'], row['share']]),
    [
      [0, 1 / 5],
      [1, 4 / 5],
      [2, 0],
    ],
  );
  // mask·τ_MTL − τ of a is 1, 1, 0, −1, 0 and of b −τ.
  agree(only(ran.table('reconstruction'), { task: 'a' })['error'], Math.sqrt(3 / 15), 'error of a');
  agree(only(ran.table('reconstruction'), { task: 'b' })['error'], 1, 'error of b');
});

test('at λ = 0 a mask holds what the task changed', async () => {
  const ran = await run(tallMasks, await study(VIT, 'base', ['rot90', 'invert', 'vflip']), {
    lambda: '0',
    grid: false,
  });
  assert.equal(only(ran.table('density'), { task: 'rot90', scope: 'classifier.weight' })['density'], 0);
  assert.equal(cell(ran.matrix('density:invert'), 'layer 3', 'mlp.up'), 1);
  assert.equal(cell(ran.matrix('iou'), 'invert', 'invert'), 1);
});

test('the error is never less than at λ = 1', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert', 'vflip']);
  const at = async (lambda: string) =>
    (await run(tallMasks, opened, { lambda, grid: false }))
      .table('reconstruction')
      .map(({ error }) => error as number);
  const least = await at('1');
  for (const lambda of ['0.5', '0.9', '1.1', '2']) {
    (await at(lambda)).forEach((error, task) => assert.ok(error > (least[task] ?? Infinity), lambda));
  }
});

test('a single task that a fine-tune lacks is not counted, an adapter without factors is off', async () => {
  const opened = await study(path.join(SAMPLES, 'charlm'), 'base', ['json', 'lora/json-r8']);
  const ran = await run(tallMasks, opened, { grid: false });
  const norm = { scope: 'model.norm.weight' };
  assert.equal(only(ran.table('density'), { task: 'json-r8', ...norm })['density'], 0);
  assert.ok((only(ran.table('density'), { task: 'json', ...norm })['density'] as number) > 0);
  const lacking = await writtenTasks({ a: { v: [1, 1], w: [2, 2] }, b: { v: [1, 1] } });
  const other = await run(tallMasks, lacking);
  assert.equal(only(other.table('density'), { task: 'b', scope: 'w' })['density'], null);
});

test('entries that are not finite are in no mask and in no share', async () => {
  const ran = await run(tallMasks, await writtenTasks({ a: { w: [NaN, 1, NaN] }, b: { w: [1, 0, NaN] } }));
  agree(only(ran.table('density'), { task: 'a', scope: 'all' })['density'], 1, 'a');
  agree(only(ran.table('density'), { task: 'b', scope: 'all' })['density'], 1 / 2, 'b');
  agree(only(ran.table('histogram'), { tasks_on: 1 })['share'], 1, 'selfish');
  assert.deepEqual(new Set(ran.findings.map(({ code }) => code)), new Set(['task-tensor-not-finite']));
});

test('rows of the table of densities say where their tensor stands', async () => {
  const ran = await run(tallMasks, await study(VIT, 'base', ['rot90', 'invert']), { grid: false });
  const table = ran.artifacts.find(({ id }) => id === 'density');
  assert.ok(table?.kind === 'table');
  assert.deepEqual(table.columns.slice(0, 3).map(({ name }) => name), ['task', 'scope', 'density']);
  const name = 'vit.encoder.layer.2.attention.attention.query.weight';
  const { tensor, layer, module } = only(ran.table('density'), { task: 'rot90', scope: name });
  assert.deepEqual([tensor, module], [name, 'attention.query']);
  const whole = only(ran.table('density'), { task: 'rot90', scope: String(layer) });
  assert.deepEqual([whole['tensor'], whole['layer'], whole['module']], [null, layer, null]);
}); // prettier-ignore

test('λ is one number, one for each task, or a number with exceptions', () => {
  const of = (text: string) => lambdasOf(text, ['a', 'b=c'], 0.4);
  const values = (text: string) => {
    const found = of(text);
    assert.ok(found.ok);
    return found.value;
  };
  assert.deepEqual(values('0.5'), [0.5, 0.5]);
  assert.deepEqual(values('a=0.2, b=c=0.3'), [0.2, 0.3]);
  assert.deepEqual(values('0.6,a=0.2'), [0.2, 0.6]);
  assert.deepEqual(values(''), [0.4, 0.4]);
  for (const text of ['x=0.5', 'a=', 'much', '-1', 'a=NaN']) {
    const found = of(text);
    assert.ok(!found.ok && found.problem.code === 'bad-parameter', text);
  }
});

test('a λ for a task that does not exist is refused before anything is read', async () => {
  const passes = slowPasses();
  const opened = await study(VIT, 'base', ['rot90', 'invert']);
  const output = await tallMasks.run(
    opened,
    { lambda: 'rot91=0.5' },
    {
      passes,
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok && /no task "rot91"/.test(output.problem.message));
  assert.equal(passes.items.length, 0);
});

test('the masks of T tasks take a bit each, beside the base and one sum', async () => {
  const opened = await writtenTasks({
    a: { w: [1, 2, 3, 4, 5, 6, 7, 8] },
    b: { w: [1, 2, 3, 4, 5, 6, 7, 8] },
  });
  const bytes = (await run(tallMasks, opened)).table('storage').map((row) => row['bytes']);
  assert.deepEqual(bytes, [3 * 32, 2 * 32 + 2, 2]);
});
