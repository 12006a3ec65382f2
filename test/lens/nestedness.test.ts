import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { nestedness } from '../../src/lens/nestedness';
import { nestedUnits } from '../../src/lens/prefix-energy';
import { unpackNumbers } from '../../src/protocol/numbers';
import { agree, cell, only, run, SAMPLES, study } from './run';
import { slowPasses } from './slow-passes';
import { writtenTasks } from './written-tasks';

const figuresOf = (...squares: number[]) => nestedUnits(Float64Array.from(squares)).figures;

test('units sorted by falling energy are nested, rising ones the opposite, equal ones neither', () => {
  const falling = figuresOf(16, 8, 4, 2, 1);
  assert.deepEqual([falling.nestedness, falling.spearman], [1, 1]);
  const rising = figuresOf(1, 2, 4, 8, 16);
  agree(rising.nestedness, -1, 'nestedness');
  agree(rising.spearman, -1, 'spearman');
  const equal = figuresOf(3, 3, 3, 3);
  assert.deepEqual([equal.nestedness, equal.spearman, equal.energy_half], [null, null, 0.5]);
  assert.deepEqual(Object.values(figuresOf(0, 0)), [null, null, null, null, null, null]);
});

test('shares of leading units by hand, with ties', () => {
  const figures = figuresOf(4, 1, 4, 1);
  agree(figures.energy_quarter, 0.4, 'quarter');
  agree(figures.energy_half, 0.5, 'half');
  agree(figures.energy_three_quarters, 0.9, 'three quarters');
  agree(figures.sorted_half, 0.8, 'sorted half');
  // Prefix shares 0.4, 0.5, 0.9, 1 against 0.4, 0.8, 0.9, 1 when sorted, and 2.5 for equal units.
  agree(figures.nestedness, (2.8 - 2.5) / (3.1 - 2.5), 'nestedness');
  // Ranks 2.5, 0.5, 2.5, 0.5 against falling 3, 2, 1, 0.
  agree(figures.spearman, 2 / Math.sqrt(4 * 5), 'spearman');
});

test('rows and columns of a weight are told apart', async () => {
  const opened = await writtenTasks({
    a: {
      'model.layers.0.mlp.up_proj.weight': [
        [4, 0, 3],
        [2, 0, 1],
      ],
      'model.norm.weight': [1, 2],
    },
  });
  const rows = (await run(nestedness, opened))
    .table('tensors')
    .filter(({ checkpoint }) => checkpoint === 'a');
  assert.equal(rows.length, 2);
  const [down, across] = rows;
  assert.deepEqual(
    [down?.['axis'], down?.['units'], across?.['axis'], across?.['units']],
    ['rows', 2, 'columns', 3],
  );
  agree(down?.['energy_half'], 25 / 30, 'rows');
  agree(across?.['energy_quarter'], 20 / 30, 'columns');
  agree(across?.['spearman'], 0.5, 'columns 20, 0, 10');
});

test('an ordinary network is not nested, and its curves end at 1', async () => {
  const ran = await run(nestedness, await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90']));
  const wide = ran.table('tensors').filter(({ units }) => Number(units) >= 64);
  const sorted = wide.filter(({ spearman }) => (spearman as number) >= 0.5);
  assert.ok(sorted.length < 0.1 * wide.length, String(sorted.length));
  assert.ok(Math.abs(cell(ran.matrix('rows:rot90'), 'layer 2', 'mlp.up') as number) < 0.5);
  const series = ran.artifacts.find((each) => each.kind === 'series');
  assert.ok(series?.kind === 'series');
  for (const line of series.lines) agree(unpackNumbers(line.values).at(-1) ?? null, 1, line.name);
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.ok(note?.kind === 'note' && /not nested/.test(note.text));
});

test('a network whose units were sorted is said to be nested', async () => {
  const sorted = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (__, j) => 1 / (1 + i + j)));
  const ran = await run(
    nestedness,
    await writtenTasks({ a: { 'model.layers.0.mlp.up_proj.weight': sorted } }),
  );
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.ok(
    note?.kind === 'note' && /a: 1 of 1 weights have sorted output units.* looks nested/.test(note.text),
  );
});

test('adapters are left out and named; alone they are refused', async () => {
  const charlm = path.join(SAMPLES, 'charlm');
  const ran = await run(nestedness, await study(charlm, 'base', ['lora/json-r8']));
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.ok(note?.kind === 'note' && /Left out: json-r8/.test(note.text));
  const output = await nestedness.run(
    await study(charlm, null, ['lora/json-r8']),
    {},
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok && output.problem.code === 'lens-needs-tasks');
});

test('entries that are not finite are left out and told', async () => {
  const ran = await run(
    nestedness,
    await writtenTasks({
      a: {
        w: [
          [NaN, 1],
          [Infinity, 1],
        ],
      },
    }),
  );
  agree(only(ran.table('tensors'), { checkpoint: 'a', axis: 'rows' })['energy_half'], 0.5, 'rows');
  assert.deepEqual(
    ran.findings.map(({ code }) => code),
    ['task-tensor-not-finite'],
  );
});
