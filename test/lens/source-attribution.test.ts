import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { sourceAttribution } from '../../src/lens/source-attribution';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study } from './run';
import { readValues, slowPasses } from './slow-passes';

const VIT = path.join(SAMPLES, 'vit-digits');
const CHARLM = path.join(SAMPLES, 'charlm');

/** Normal equations of two sources by Cramer's rule, on the vectors themselves. */
test('agrees with the normal equations on the weights', async () => {
  const opened = await study(VIT, 'base', ['rot90', 'invert', 'vflip']);
  const ran = await run(sourceAttribution, opened);
  const tensor = 'vit.encoder.layer.3.intermediate.dense.weight';
  const base = opened.base?.tensors.find(({ name }) => name === tensor);
  assert.ok(base);
  const before = readValues(base.span);
  const [x = [], y = [], z = []] = opened.tasks.map(({ checkpoint }) => {
    const own = checkpoint.tensors.find(({ name }) => name === tensor);
    return readValues(own?.span ?? base.span).map((value, at) => value - (before[at] ?? NaN));
  });
  const inner = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? NaN), 0);
  const determinant = inner(y, y) * inner(z, z) - inner(y, z) ** 2;
  const ofY = (inner(x, y) * inner(z, z) - inner(x, z) * inner(y, z)) / determinant;
  const ofZ = (inner(x, z) * inner(y, y) - inner(x, y) * inner(y, z)) / determinant;
  const row = (source: string) =>
    only(ran.table('attribution'), { target: 'rot90', scope: tensor, source })['coefficient'];
  agree(row('invert'), ofY, 'invert');
  agree(row('vflip'), ofZ, 'vflip');
  const rest = x.map((value, at) => value - ofY * (y[at] ?? NaN) - ofZ * (z[at] ?? NaN));
  const explained = only(ran.table('explained'), { target: 'rot90', scope: tensor });
  agree(explained['r2'], 1 - inner(rest, rest) / inner(x, x), 'R²');
  agree(explained['novelty'], inner(rest, rest) / inner(x, x), 'novelty');
});

test('contributions add up to R², whole and by layer', async () => {
  const ran = await run(sourceAttribution, await study(CHARLM, 'base', ['json', 'arith', 'lora/json-r8']));
  for (const scope of ['all', 'model.layers.2']) {
    const rows = ran.table('attribution').filter((row) => row['target'] === 'json' && row['scope'] === scope);
    const sum = rows.reduce((total, row) => total + (row['contribution'] as number), 0);
    agree(sum, only(ran.table('explained'), { target: 'json', scope })['r2'] as number, scope);
  }
});

test('a task that is a mixture of others needs no copy, and the note says so', async () => {
  const folder = temporaryFolder();
  const write = (name: string, values: readonly number[]) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'model.layers.7.mlp.up_proj.weight': { shape: [4], values },
    });
  write('base', [0, 0, 0, 0]);
  write('a', [1, 2, 0, 0]);
  write('b', [0, 1, 1, 0]);
  write('mix', [2, 3, -1, 0]);
  write('new', [0, 0, 0, 5]);
  const ran = await run(sourceAttribution, await study(folder, 'base', ['a', 'b', 'mix', 'new']), {
    target: 'mix',
    penalty: 0,
  });
  const row = only(ran.table('explained'), { target: 'mix', scope: 'all' });
  agree(row['r2'], 1, 'R²');
  agree(row['lasso_r2'], 1, 'R² without penalty');
  agree(cell(ran.matrix('least:mix'), 'layer 7', 'a'), 2, 'a');
  agree(cell(ran.matrix('least:mix'), 'layer 7', 'b'), -1, 'b');
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /^mix: 100 % of it lies in the span of the others: .*Store the coefficients/);
  const other = await run(sourceAttribution, await study(folder, 'base', ['a', 'b', 'mix', 'new']));
  agree(only(other.table('explained'), { target: 'new', scope: 'all' })['r2'], 0, 'new');
});

test('a path begins with nothing and ends near least squares', async () => {
  const ran = await run(sourceAttribution, await study(VIT, 'base', ['rot90', 'invert', 'vflip']));
  const series = ran.artifacts.find(({ id }) => id === 'path:rot90');
  assert.ok(series?.kind === 'series');
  for (const { name, values } of series.lines) {
    const numbers = unpackNumbers(values);
    assert.ok(Math.abs(numbers.at(-1) ?? NaN) < 1e-12);
    const least = only(ran.table('attribution'), { target: 'rot90', scope: 'all', source: name });
    assert.ok(Math.abs((numbers[0] ?? NaN) - (least['coefficient'] as number)) < 1e-3);
  }
});

test('adapters alone need no base and no pass', async () => {
  const passes = slowPasses();
  const opened = await study(CHARLM, null, ['lora/json-r8', 'lora/python-rslora-r16']);
  const ran = await run(sourceAttribution, opened, {}, passes);
  assert.equal(passes.items.length, 0);
  assert.equal(ran.table('explained').filter((row) => row['scope'] === 'all').length, 2);
});

test('a target that is no task is refused', async () => {
  const output = await sourceAttribution.run(
    await study(VIT, 'base', ['rot90', 'invert']),
    { target: 'rot91', penalty: 0.1 },
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.match(output.problem.action, /rot90, invert/);
});
