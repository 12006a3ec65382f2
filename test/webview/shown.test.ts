import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Artifact, Matrix, Table } from '../../src/protocol/artifact';
import { figuresOfCell } from '../../webview/result/cell-figures';
import {
  comparedTasks,
  figureOfPairs,
  scopesOfPair,
  tensorsBehind,
  tensorsOfCell,
} from '../../webview/result/cell-tensors';
import { sortedRows } from '../../webview/result/row-order';
import { deriveShown, facetTitle, GIVEN_ORDER } from '../../webview/result/shown';
import { profileResult, similarityResult } from './sample-results';

const PROFILE = profileResult({ tasks: ['rot90', 'invert'], layers: 3 }).artifacts;
const SIMILARITY = similarityResult(['a', 'b', 'c', 'd']).artifacts;

function tableOf(artifacts: typeof PROFILE, id: string): Table {
  const table = artifacts.find((artifact) => artifact.id === id);
  assert.ok(table?.kind === 'table');
  return table;
}

test('facets that vary become switches, metric before task', () => {
  const { switches, facets } = deriveShown(PROFILE, {});
  assert.deepEqual(
    switches.map(({ name, values }) => [name, values]),
    [
      ['metric', ['relative', 'norm', 'cosine']],
      ['task', ['rot90', 'invert']],
    ],
  );
  assert.deepEqual(facets, { metric: 'relative', task: 'rot90' });
});

test('chosen facet values decide which matrix is shown, unknown ones fall back', () => {
  assert.equal(
    deriveShown(PROFILE, { facets: { metric: 'norm', task: 'invert' } }).matrix?.id,
    'norm:invert',
  );
  assert.equal(deriveShown(PROFILE, { facets: { metric: 'nonsense' } }).matrix?.id, 'relative:rot90');
});

test('a combination that does not exist falls back to the nearest that does', () => {
  const some = PROFILE.filter((artifact) => artifact.id !== 'norm:invert');
  const { matrix, facets } = deriveShown(some, { facets: { metric: 'norm', task: 'invert' } });
  assert.ok(matrix);
  assert.deepEqual(facets, matrix.facets);
});

test('side by side shows all tasks of the chosen metric', () => {
  const shown = deriveShown(PROFILE, { sideBySide: true, facets: { metric: 'norm' } });
  assert.deepEqual(
    shown.matrices.map(({ id }) => id),
    ['norm:rot90', 'norm:invert'],
  );
  assert.equal(deriveShown(SIMILARITY, { sideBySide: true }).sideBySide, false);
});

test('a diverging matrix is never on a logarithmic scale', () => {
  assert.equal(deriveShown(PROFILE, { colourScale: 'log' }).logarithmic, true);
  assert.equal(deriveShown(PROFILE, { colourScale: 'log', facets: { metric: 'cosine' } }).logarithmic, false);
});

test('the order of the dendrogram is the first choice, and the dendrogram leaves with it', () => {
  const first = deriveShown(SIMILARITY, {});
  assert.equal(first.order, 'By similarity');
  assert.equal(first.tree?.kind, 'tree');
  const given = deriveShown(SIMILARITY, { order: GIVEN_ORDER });
  assert.equal(given.tree, null);
  assert.equal(given.others.length, 0);
});

test('a facet value is called what the titles of its matrices have in common', () => {
  assert.equal(facetTitle(PROFILE, 'metric', 'relative'), 'Relative norm');
  assert.equal(facetTitle(PROFILE, 'task', 'invert'), 'invert');
  assert.equal(facetTitle(SIMILARITY, 'scope', 'layers.0'), 'layer 0');
  assert.equal(facetTitle([], 'metric', 'sign_flip_share'), 'sign flip share');
});

test('a cell leads to the tensors of its layer, module and task', () => {
  const { matrix } = deriveShown(PROFILE, { facets: { task: 'invert' } });
  assert.ok(matrix);
  const tensors = tensorsOfCell(tableOf(PROFILE, 'tensors'), matrix, 2, 5);
  assert.deepEqual(
    tensors.map(({ tensor, task }) => [tensor, task]),
    [
      ['model.layers.2.mlp.down.weight', 'invert'],
      ['model.layers.2.mlp.down.bias', 'invert'],
    ],
  );
  assert.deepEqual(
    tensors[0]?.figures.map(({ title }) => title),
    ['Relative norm', 'Norm'],
  );
});

test('where a table names rows of the heatmap, these decide and not the layer', () => {
  const { matrix } = deriveShown(PROFILE, {});
  assert.ok(matrix);
  const table: Table = {
    kind: 'table',
    id: 'tensors',
    title: '',
    columns: ['tensor', 'layer', 'row', 'module'].map((name) => ({ name, title: name, type: 'text' })),
    rows: [
      ['wte', '(other)', 'input', 'embedding'],
      ['head', '(other)', 'output', 'head'],
    ],
  };
  const axes = {
    ...matrix,
    rows: [{ label: 'input', layer: 'input' }],
    columns: [{ label: 'embedding', module: 'embedding' }],
  };
  assert.deepEqual(
    tensorsOfCell(table, axes, 0, 0).map(({ tensor }) => tensor),
    ['wte'],
  );
});

test('a cell of a task × task matrix leads to the pair, in either order', () => {
  const { matrix } = deriveShown(SIMILARITY, {});
  assert.ok(matrix);
  assert.deepEqual(comparedTasks(matrix, 2, 0), ['c', 'a']);
  const titles = new Map([
    ['all', 'whole model'],
    ['layers.0', 'layer 0'],
  ]);
  const scopes = scopesOfPair(tableOf(SIMILARITY, 'pairs'), ['c', 'a'], titles);
  assert.deepEqual(
    scopes.map(({ scope, isTensor }) => [scope, isTensor]),
    [
      ['whole model', false],
      ['layer 0', false],
      ['layers.0.attention.query.weight', true],
    ],
  );
  const { matrix: profile } = deriveShown(PROFILE, {});
  assert.ok(profile);
  assert.equal(comparedTasks(profile, 0, 0), null);
});

test('a pair is told by the first figure that its table has, whatever it is', () => {
  const pairs: Table = {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs',
    columns: [
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'conflict', title: 'Opposite signs', type: 'share' },
      { name: 'both', title: 'Changed by both', type: 'integer' },
    ],
    rows: [['all', 'a', 'b', 0.25, 12]],
  };
  assert.equal(figureOfPairs(pairs)?.title, 'Opposite signs');
  assert.deepEqual(
    scopesOfPair(pairs, ['b', 'a'], new Map()).map(({ value }) => value),
    [0.25],
  );
});

test('rows sort by value and naturally, undefined ones last in both directions', () => {
  const numbers = [3, null, -1, Number.NaN, 10];
  const at = (row: number) => numbers[row] ?? null;
  assert.deepEqual(sortedRows(5, at, false), [2, 0, 4, 1, 3]);
  assert.deepEqual(sortedRows(5, at, true), [4, 0, 2, 1, 3]);
  const names = ['layer 10', 'layer 9', 'layer 1'];
  assert.deepEqual(
    sortedRows(3, (row) => names[row] ?? '', false),
    [2, 1, 0],
  );
});

test('curves of a quantity that no heatmap has stand below whichever metric is chosen', () => {
  const curve: Artifact = {
    kind: 'series',
    id: 'curve',
    title: 'Singular values',
    facets: { metric: 'singular_values' },
    x: { title: 'rank', values: [1, 2] },
    lines: [{ name: 'a', values: [2, 1] }],
    unit: 'σ',
  };
  const artifacts = [...PROFILE, curve];
  const first = deriveShown(artifacts, {});
  assert.ok(first.others.includes(curve));
  const metrics = first.switches.find(({ name }) => name === 'metric');
  assert.ok(metrics && !metrics.values.includes('singular_values'), 'it would lead to no heatmap');
  const other = deriveShown(artifacts, { facets: { metric: metrics.values.at(-1) ?? '' } });
  assert.ok(other.others.includes(curve));
});

test('a cell of two heads of one model is no pair of tasks', () => {
  const { matrix } = deriveShown(SIMILARITY, {});
  assert.ok(matrix);
  const heads = [0, 1].map((head) => ({ label: `head ${String(head)}`, layer: 'l.0', head, task: 'a' }));
  assert.equal(comparedTasks({ ...matrix, rows: heads, columns: heads }, 0, 1), null);
});

test('tensors of a cell come from the table that has the metric of the matrix, and only where it knows the place', () => {
  const { matrix } = deriveShown(PROFILE, {});
  assert.ok(matrix);
  const axes: Matrix = {
    ...matrix,
    facets: { metric: 'gap' },
    rows: [{ label: 'layer 0', layer: 'l.0' }],
    columns: [{ label: 'mlp', module: 'mlp' }],
  };
  const table = (id: string, names: readonly string[], cells: readonly string[]): Table => ({
    kind: 'table',
    id,
    title: '',
    columns: names.map((name) => ({ name, title: name, type: 'text' })),
    rows: [cells],
  });
  const rows = table('rows', ['tensor', 'row', 'gap'], ['of a row', '3', '1']);
  const tensors = table('tensors', ['tensor', 'layer', 'module'], ['w', 'l.0', 'mlp']);
  const gaps = table('gaps', ['tensor', 'layer', 'module', 'gap'], ['v', 'l.0', 'mlp', '2']);
  const names = (tables: readonly Table[]) => tensorsBehind(tables, axes, 0, 0).map(({ tensor }) => tensor);
  assert.deepEqual(names([rows, tensors, gaps]), ['v']);
  assert.deepEqual(names([rows, tensors]), ['w']);
  assert.deepEqual(names([rows]), []);
});

test('all metrics of a cell are told, the one on screen first', () => {
  const { matrix } = deriveShown(PROFILE, { facets: { task: 'invert' } });
  assert.ok(matrix);
  const figures = figuresOfCell(PROFILE, { matrix, row: 2, column: 5 });
  const metrics = new Set(
    PROFILE.flatMap(({ kind, facets }) => (kind === 'matrix' ? [facets?.['metric']] : [])),
  );
  assert.equal(figures.length, metrics.size);
  assert.equal(figures[0]?.title, 'Relative norm');
  assert.equal(new Set(figures.map(({ title }) => title)).size, figures.length);
});
