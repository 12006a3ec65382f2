import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { magnitudeBands } from '../../src/lens/magnitude-bands';
import { slowBand } from '../tensor/slow-masks';
import { agreeWithBreadcrumbs, type BreadcrumbsReference } from './reference';
import { agree, cell, FIXTURES, only, readJson, run, SAMPLES, study, WITH_ZOO, ZOO } from './run';
import { product, slowPasses } from './slow-passes';
import { writtenTasks } from './written-tasks';

const CHARLM = path.join(SAMPLES, 'charlm');

/** `keep=0.15,drop=0.01,tensor` as parameters. */
function parametersOf(key: string) {
  const [, keep, drop, by] = /^keep=([\d.]+),drop=([\d.]+),(\w+)$/.exec(key) ?? [];
  assert.ok(keep && drop && by, key);
  return { keep, drop, by };
}

test('agrees with the reference bands of the samples, by tensor and by row', async () => {
  const reference = readJson<BreadcrumbsReference>(FIXTURES, 'charlm-breadcrumbs.json');
  const opened = await study(CHARLM, 'base', ['arith']);
  assert.ok(Object.keys(reference).length > 0);
  for (const [key, tasks] of Object.entries(reference)) {
    agreeWithBreadcrumbs(await run(magnitudeBands, opened, parametersOf(key)), tasks);
  }
});

test('agrees with all reference bands of charlm', WITH_ZOO, async () => {
  const reference = readJson<BreadcrumbsReference>(ZOO, 'reference/charlm/breadcrumbs.json');
  for (const [key, tasks] of Object.entries(reference)) {
    const opened = await study(path.join(ZOO, 'charlm'), 'base', Object.keys(tasks));
    agreeWithBreadcrumbs(await run(magnitudeBands, opened, parametersOf(key)), tasks);
  }
});

test('bands by hand: floors, ties, one dimension whole', async () => {
  const opened = await writtenTasks({
    a: {
      v: [1, -1, 2, 3, 0],
      w: [
        [4, 1, 1],
        [0, 2, -3],
      ],
    },
  });
  const bands = async (by: string) => {
    const ran = await run(magnitudeBands, opened, { keep: 0.4, drop: 0.34, by });
    return ['v', 'w'].map((tensor) => {
      const { density, energy, outliers } = only(ran.table('bands'), { tensor });
      return [density, energy, outliers];
    });
  };
  // v: one dropped (3), two kept (2, 1). w: two dropped (4, 3), two kept (2, 1).
  assert.deepEqual(await bands('tensor'), [
    [2 / 5, 5 / 15, 9 / 15],
    [2 / 6, 5 / 31, 25 / 31],
  ]);
  // Every row of w: one dropped (4; 3), one kept (1; 2).
  assert.deepEqual(await bands('row'), [
    [2 / 5, 5 / 15, 9 / 15],
    [2 / 6, 5 / 31, 25 / 31],
  ]);
});

test('cutting in rows is not cutting in the tensor', async () => {
  const opened = await writtenTasks({
    a: {
      w: [
        [9, 8, 7],
        [3, 2, 1],
      ],
    },
  });
  const energy = async (by: string) =>
    only((await run(magnitudeBands, opened, { keep: 0.34, drop: 0, by })).table('bands'), {})['energy'];
  agree(await energy('tensor'), (81 + 64) / 208, 'tensor');
  agree(await energy('row'), (81 + 9) / 208, 'row');
});

test('an adapter is cut by the entries of its product, without reading the base', async () => {
  const opened = await study(CHARLM, 'base', ['lora/json-r8']);
  const passes = slowPasses();
  const ran = await run(magnitudeBands, opened, { keep: 0.15, drop: 0.01 }, passes);
  const tensor = 'model.layers.2.mlp.down_proj.weight';
  const delta = opened.tasks[0]?.deltas.get(tensor);
  assert.ok(delta?.kind === 'lowRank');
  const factors = await delta.load();
  assert.ok(factors.ok);
  const tau = product(factors.value);
  const squares = tau.reduce((sum, x) => sum + x * x, 0);
  const { energy, dropped, kept } = slowBand(tau, 0.15, 0.01);
  const row = only(ran.table('bands'), { tensor });
  agree(row['energy'], energy / squares, 'energy');
  agree(row['outliers'], dropped / squares, 'outliers');
  agree(row['density'], kept / tau.length, 'density');
});

test('the histogram has every entry and all energy once, and offers the two cuts', async () => {
  const ran = await run(magnitudeBands, await study(CHARLM, 'base', ['json']), { keep: 0.5, drop: 0.1 });
  const histogram = ran.artifacts.find((each) => each.kind === 'histogram');
  assert.ok(histogram?.kind === 'histogram' && histogram.cuts);
  const { edges, counts, cuts } = histogram;
  assert.deepEqual([edges.length, cuts.energies.length], [counts.length + 1, counts.length]);
  assert.ok(edges.every((edge, k) => k === 0 || edge > (edges[k - 1] ?? NaN)));
  assert.deepEqual([edges[0], histogram.logarithmic], [0, true]);
  assert.deepEqual([cuts.keep, cuts.drop], [0.5, 0.1]);
  const entries = ran.table('bands').reduce((sum, row) => sum + Number(row['count']), 0);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    entries,
  );
  // Read off the bins, the whole range holds everything.
  const parameters = ['keep', 'drop'].map((name) =>
    magnitudeBands.description.parameters.some((each) => each.name === name),
  );
  assert.deepEqual(parameters, [true, true]);
});

test('an unchanged tensor has a density but no energy', async () => {
  const ran = await run(magnitudeBands, await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90']));
  const row = only(ran.table('bands'), { tensor: 'classifier.weight' });
  agree(row['density'], Math.floor(0.85 * 640) / 640, 'density');
  assert.equal(row['energy'], null);
  assert.equal(cell(ran.matrix('energy:rot90'), 'output', 'head'), null);
});

test('entries that are not finite are left out and told', async () => {
  const opened = await writtenTasks({
    a: {
      v: [NaN, 3, 2, 1, 0],
      w: [
        [NaN, 2],
        [Infinity, NaN],
      ],
    },
  });
  for (const by of ['tensor', 'row']) {
    const ran = await run(magnitudeBands, opened, { keep: 0.5, drop: 0.25, by });
    agree(only(ran.table('bands'), { tensor: 'v' })['energy'], 5 / 14, by);
    agree(only(ran.table('bands'), { tensor: 'v' })['density'], 2 / 4, by);
    assert.equal(ran.findings.length, 2);
  }
});

test('more than everything cannot be kept and dropped', async () => {
  const opened = await writtenTasks({ a: { v: [1] } });
  const output = await magnitudeBands.run(
    opened,
    { keep: 0.9, drop: 0.2, by: 'tensor' },
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok && output.problem.code === 'bad-parameter');
});
