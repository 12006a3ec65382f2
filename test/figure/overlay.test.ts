import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawMatrix } from '../../src/figure/matrix-figure';
import { cellOverlay, overlaid, overlayFacts } from '../../src/figure/overlay';
import { drawingToSvg } from '../../src/figure/svg';
import type { Matrix } from '../../src/protocol/artifact';
import { packNumbers, unpackNumbers } from '../../src/protocol/numbers';
import { quadrantOf, standings } from '../../src/protocol/quadrants';

function matrix(
  layers: readonly string[],
  modules: readonly string[],
  values: readonly (number | null)[],
  task?: string,
): Matrix {
  return {
    kind: 'matrix',
    id: 'm',
    title: 'Figure',
    ...(task === undefined ? {} : { facets: { task } }),
    rows: layers.map((layer) => ({ label: layer, layer })),
    columns: modules.map((module) => ({ label: module, module })),
    rowTitle: 'layer',
    columnTitle: 'module',
    values: packNumbers(values),
    unit: 'x',
    scale: 'sequential',
    domain: [0, 4],
  };
}

test('a value stands as high as the share of the others that are less, equal ones counting half', () => {
  const values = [3, 1, NaN, 3, 7, 1, -2];
  const known = values.filter((value) => !Number.isNaN(value));
  for (const [at, standing] of standings(values).entries()) {
    const value = values[at] ?? NaN;
    const slow =
      (known.filter((other) => other < value).length +
        (known.filter((other) => other === value).length - 1) / 2) /
      (known.length - 1);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(standing));
    else assert.ok(Math.abs(standing - slow) < 1e-15, `${String(value)}: ${String(standing)}`);
  }
  assert.deepEqual([...standings([5])], [0.5]);
});

test('the quadrants are cut at the medians', () => {
  assert.deepEqual(
    [quadrantOf(0.9, 0.9), quadrantOf(0.1, 0.9), quadrantOf(0.9, 0.1), quadrantOf(0.1, 0.1)],
    [0, 1, 2, 3],
  );
});

test('importances are laid over by layer and module, whatever their order and extent', () => {
  const movement = matrix(['l0', 'l1'], ['query', 'norm'], [1, 2, 3, 4]);
  const importance = matrix(['l1', 'l0', 'head'], ['query'], [30, 10, 99]);
  const both = overlaid(movement, importance, 'Fisher');
  assert.deepEqual([...unpackNumbers(both?.overlay?.values ?? [])], [10, null, 30, null]);
  assert.deepEqual(both && cellOverlay(both)?.quadrants, Int8Array.from([3, -1, 0, -1]));
  const overlay = both && cellOverlay(both);
  assert.deepEqual(overlay && overlayFacts(overlay, 2), [
    ['Fisher', '30'],
    ['quadrant', 'moved and matters'],
  ]);
  assert.deepEqual(overlay && overlayFacts(overlay, 1), [['Fisher', 'undefined']]);
});

test('importances of another task, or of none of the cells, are not laid over', () => {
  const movement = matrix(['l0'], ['query'], [1], 'rot90');
  assert.equal(overlaid(movement, matrix(['l0'], ['query'], [1], 'invert'), ''), null);
  assert.equal(overlaid(movement, matrix(['l9'], ['query'], [1], 'rot90'), ''), null);
  assert.ok(overlaid(movement, matrix(['l0'], ['query'], [1]), ''));
});

test('a drawn heatmap has a bar for every cell that matters more than another', () => {
  const movement = matrix(['l0', 'l1'], ['query', 'norm'], [1, 2, 3, null]);
  const both = overlaid(movement, matrix(['l0', 'l1'], ['query', 'norm'], [5, 6, 7, 8]), 'Fisher');
  assert.ok(both);
  const svg = drawingToSvg(drawMatrix(both));
  // The least important cell has no bar, the undefined one none either.
  assert.equal(svg.match(/class="overlay"/g)?.length, 2);
  assert.match(svg, /Bar in a cell: Fisher/);
  assert.doesNotMatch(drawingToSvg(drawMatrix(movement)), /class="overlay"/);
});
