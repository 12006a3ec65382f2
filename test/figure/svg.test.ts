import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlap } from '../../src/figure/label-places';
import { textWidth } from '../../src/figure/shape';
import { figureToSvg, matricesToSvg, resultToSvg } from '../../src/figure/svg';
import type { Histogram, Matrix, Scatter, Series, Tree } from '../../src/protocol/artifact';
import { readXml } from './markup';

function matrix(rows: number, columns: number, values: readonly (number | null)[]): Matrix {
  return {
    kind: 'matrix',
    id: 'm',
    title: 'Norm <b>&amp; "more"</b>',
    rows: Array.from({ length: rows }, (_, i) => ({ label: `layer ${String(i)} & <x>` })),
    columns: Array.from({ length: columns }, (_, i) => ({ label: `module ${String(i)}` })),
    rowTitle: 'layer',
    columnTitle: 'module',
    values,
    unit: '‖τ‖',
    scale: 'sequential',
    domain: [0, 10],
    caption: 'in network order',
  };
}

test('a matrix has one element per cell, undefined ones marked, and hostile labels stay text', () => {
  const elements = readXml(figureToSvg(matrix(3, 4, [0, 1, 2, null, 4, 5, 6, null, 8, 9, 10, null])));
  const cells = elements.filter(({ attributes }) => attributes['class']?.startsWith('cell'));
  assert.equal(cells.length, 12);
  assert.equal(cells.filter(({ attributes }) => attributes['class'] === 'cell undefined').length, 3);
  assert.equal(elements.filter(({ name }) => name === 'b' || name === 'x').length, 0);
});

test('equal values get equal colours and an undefined cell none of the ramp', () => {
  const elements = readXml(figureToSvg(matrix(1, 4, [0, 10, 10, null])));
  const fills = elements
    .filter(({ attributes }) => attributes['class']?.startsWith('cell'))
    .map(({ attributes }) => attributes['fill']);
  assert.equal(fills[1], fills[2]);
  assert.equal(new Set(fills).size, 3);
});

test('rows stand in the order that is asked for', () => {
  const given = { ...matrix(2, 1, [1, 9]), orders: [{ title: 'turned', rows: [1, 0], columns: [0] }] };
  const titles = (svg: string) => [...svg.matchAll(/<title>layer (\d)/g)].map((match) => match[1]);
  assert.deepEqual(titles(figureToSvg(given)), ['0', '1']);
  assert.deepEqual(titles(figureToSvg(given, { order: 'turned' })), ['1', '0']);
});

test('every cell of a very large matrix is drawn, in few elements', () => {
  const values = Array.from({ length: 30_000 }, (_, i) => (i % 100 === 0 ? null : i % 11));
  const elements = readXml(figureToSvg(matrix(500, 60, values)));
  const count = (className: string) =>
    elements
      .filter(({ attributes }) => attributes['class'] === className)
      .reduce((sum, { attributes }) => sum + (attributes['d']?.match(/M/g)?.length ?? 0), 0);
  assert.equal(count('cells'), 29_700);
  assert.equal(count('undefined'), 300);
  assert.ok(elements.length < 2000);
});

test('on a logarithmic scale a zero stands at the low end and the figure says so', () => {
  const svg = figureToSvg(matrix(1, 3, [0, 0.001, 10]), { logarithmic: true });
  const fills = readXml(svg)
    .filter(({ attributes }) => attributes['class'] === 'cell')
    .map(({ attributes }) => attributes['fill']);
  assert.equal(fills[0], fills[1]);
  assert.notEqual(fills[1], fills[2]);
  assert.match(svg, /1 zero drawn at the low end/);
});

test('matrices side by side share one domain: equal values have equal colours in both', () => {
  const wide = { ...matrix(1, 2, [5, 10]), domain: [0, 10] as const };
  const narrow = { ...matrix(1, 2, [5, 1]), domain: [0, 5] as const };
  const fills = readXml(matricesToSvg([wide, narrow]))
    .filter(({ attributes }) => attributes['class'] === 'cell')
    .map(({ attributes }) => attributes['fill']);
  assert.equal(fills[0], fills[2]);
});

test('a dendrogram has one bracket per merge, from leaves to the root', () => {
  const tree: Tree = {
    kind: 'tree',
    id: 't',
    title: 'Tasks',
    leaves: ['a', 'b', 'c'].map((label) => ({ label })),
    merges: [
      { left: 0, right: 2, height: 1 },
      { left: 3, right: 1, height: 4 },
    ],
    order: [0, 2, 1],
    unit: '1 − cos',
  };
  const brackets = readXml(figureToSvg(tree)).filter(({ attributes }) => attributes['class'] === 'bracket');
  assert.equal(brackets.length, 2);
  const path = (index: number) =>
    (brackets[index]?.attributes['d'] ?? '').match(/[\d.]+/g)?.map(Number) ?? [];
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = path(0);
  const [rootX = 0, rootY = 0, rootEnd = 0] = path(1);
  // The root's upper arm begins where the first merge stands, midway between its leaves.
  assert.ok(Math.abs(rootX - x1) < 0.02 && Math.abs(rootY - (y0 + y1) / 2) < 0.02);
  // Heights are in proportion: 4 is four times as far from the leaves as 1.
  assert.ok(Math.abs((rootEnd - x0) / (x1 - x0) - 4) < 0.01);
});

test('a histogram has a bar for every bin that is not empty, in proportion to its count', () => {
  const histogram: Histogram = {
    kind: 'histogram',
    id: 'h',
    title: 'H',
    edges: [0, 1, 2, 3, 4],
    counts: [100, 0, 50, 25],
    unit: 'τ',
  };
  const heights = readXml(figureToSvg(histogram))
    .filter(({ attributes }) => attributes['class'] === 'bar')
    .map(({ attributes }) => Number(attributes['height']));
  assert.equal(heights.length, 3);
  assert.ok(Math.abs((heights[0] ?? 0) / (heights[1] ?? 1) - 2) < 0.01);
  assert.ok(Math.abs((heights[1] ?? 0) / (heights[2] ?? 1) - 2) < 0.01);
});

test('over a logarithmic axis the area of a bar is its count, whatever the widths of the bins', () => {
  // Bins of an octave each quarter that is linear in the mantissa, as many values in each as it is wide on the axis.
  const edges = [1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4];
  const counts = edges.slice(1).map((high, bin) => Math.round(1e6 * Math.log2(high / (edges[bin] ?? 1))));
  const histogram: Histogram = {
    kind: 'histogram',
    id: 'h',
    title: 'H',
    edges,
    counts,
    unit: '|τ|',
    logarithmic: true,
  };
  const bars = readXml(figureToSvg(histogram)).filter(({ attributes }) => attributes['class'] === 'bar');
  assert.equal(bars.length, counts.length);
  const heights = bars.map(({ attributes }) => Number(attributes['height']));
  assert.ok(Math.max(...heights) - Math.min(...heights) < 0.05, heights.join());
});

test('what lies in the bin of 0 of a logarithmic axis is told in words', () => {
  const histogram: Histogram = {
    kind: 'histogram',
    id: 'h',
    title: 'H',
    edges: [0, 1, 2],
    counts: [3000, 1000],
    unit: '|τ|',
    logarithmic: true,
  };
  const svg = figureToSvg(histogram);
  assert.equal(readXml(svg).filter(({ attributes }) => attributes['class'] === 'bar').length, 1);
  assert.match(svg, /0 … 1, not drawn: 3,000 \(75 %\)/);
});

test('an undefined value breaks a line of a series', () => {
  const series: Series = {
    kind: 'series',
    id: 's',
    title: 'S',
    x: { title: 'layer', values: ['a', 'b', 'c', 'd', 'e'] },
    lines: [{ name: 'one', values: [1, 2, null, 4, 5] }],
    unit: '',
  };
  const [line] = readXml(figureToSvg(series)).filter(({ attributes }) => attributes['class'] === 'line');
  assert.equal(line?.attributes['d']?.match(/M/g)?.length, 2);
});

test('the unit of a series stands above every line, also where the highest tick is below them', () => {
  const series: Series = {
    kind: 'series',
    id: 's',
    title: 'S',
    x: { title: 'layer', values: ['a', 'b'] },
    lines: [{ name: 'one', values: [0, 0.99] }],
    unit: 'a unit',
  };
  const elements = readXml(figureToSvg(series));
  const unit = elements.find(({ text }) => text === 'a unit');
  const [line] = elements.filter(({ attributes }) => attributes['class'] === 'line');
  const heights = [...(line?.attributes['d'] ?? '').matchAll(/,([\d.]+)/g)].map(([, y]) => Number(y));
  assert.ok(heights.length === 2 && Number(unit?.attributes['y']) < Math.min(...heights));
});

/** A map of tasks in four heaps, two of them at the very same place. */
function heaps(count: number, nameOf: (index: number) => string): Scatter {
  const at = Array.from({ length: count }, (_, index) => (index === 1 ? 0 : index));
  return {
    kind: 'scatter',
    id: 'c',
    title: 'C',
    x: { title: 'x', values: at.map((index) => (index % 4) + 0.3 * Math.sin(index * 1.7)) },
    y: { title: 'y', values: at.map((index) => ((index * 3) % 4) + 0.3 * Math.cos(index * 2.3)) },
    points: Array.from({ length: count }, (_, index) => ({ label: nameOf(index) })),
  };
}

for (const [count, nameOf] of [
  [30, (index: number) => `task ${String(index)}`],
  [30, (index: number) => `a-rather-long-name-of-a-fine-tuned-checkpoint-number-${String(index)}`],
  [200, (index: number) => `task ${String(index)}`],
] as const) {
  test(`every one of ${String(count)} tasks like "${nameOf(0)}" is named in a map, and no name covers another`, () => {
    const elements = readXml(figureToSvg(heaps(count, nameOf)));
    const names = elements.filter(({ attributes }) => attributes['class'] === 'name');
    const listed = elements.filter(({ attributes }) => attributes['class'] === 'listed');
    if (listed.length > 0) assert.equal(listed.length, count);
    else assert.equal(names.reduce((sum, { text }) => sum + text.split(', ').length, 0), count);
    const boxes = names.map(({ attributes, text }) => {
      const [x, y, half] = [Number(attributes['x']), Number(attributes['y']), textWidth(text, 10) / 2];
      return { left: x - half, right: x + half, top: y - 9, bottom: y + 2 };
    });
    for (const [index, box] of boxes.entries()) {
      assert.ok(boxes.every((other, at) => at === index || !overlap(box, other)));
    }
  });
} // prettier-ignore

test('a scatter draws defined points and counts the others', () => {
  const scatter: Scatter = {
    kind: 'scatter',
    id: 'c',
    title: 'C',
    x: { title: 'x', values: [1, null, 3] },
    y: { title: 'y', values: [1, 2, 3] },
    points: ['a', 'b', 'c'].map((label) => ({ label })),
  };
  const svg = figureToSvg(scatter);
  assert.equal(readXml(svg).filter(({ attributes }) => attributes['class'] === 'point').length, 2);
  assert.match(svg, /1 undefined, not drawn/);
});

test('figures of nothing are still well-formed', () => {
  readXml(figureToSvg({ ...matrix(0, 0, []), domain: null }));
  readXml(figureToSvg({ ...matrix(1, 1, [null]), domain: null }));
  readXml(resultToSvg([]));
});

test('a caption longer than the figure stands below it in full, inside the picture', () => {
  const words = Array.from({ length: 60 }, (_, i) => `word${String(i)}`);
  const svg = figureToSvg({ ...matrix(2, 2, [1, 2, 3, 4]), caption: words.join(' ') });
  const lines = [...svg.matchAll(/<text([^>]*)>(word[^<]*)</g)];
  assert.deepEqual(
    lines.flatMap((line) => (line[2] ?? '').split(' ')),
    words,
  );
  const height = Number(/ height="([\d.]+)"/.exec(svg)?.[1]);
  for (const [, attributes = ''] of lines) {
    assert.ok(Number(/ y="([\d.]+)"/.exec(attributes)?.[1]) < height);
  }
});

test('stacked shares stand on each other: a column is as high as their sum', () => {
  const series: Series = {
    kind: 'series',
    id: 's',
    title: 'S',
    x: { title: 'layer', values: ['a', 'b'] },
    lines: [
      { name: 'attention', values: [0.25, 0.5] },
      { name: 'mlp', values: [0.75, null] },
    ],
    unit: 'share',
    style: 'stacked',
  };
  const parts = readXml(figureToSvg(series)).filter(({ attributes }) => attributes['class'] === 'part');
  const read = (index: number, name: string) => Number(parts[index]?.attributes[name]);
  assert.equal(parts.length, 3);
  // In the first column the upper part ends where the lower begins.
  assert.ok(Math.abs(read(1, 'y') + read(1, 'height') - read(0, 'y')) < 0.02);
  assert.ok(Math.abs(read(0, 'height') / read(1, 'height') - 1 / 3) < 0.01);
  assert.ok(Math.abs(read(2, 'height') / (read(0, 'height') + read(1, 'height')) - 0.5) < 0.01);
});

test('a logarithmic series puts equal ratios at equal distances and leaves out what is not positive', () => {
  const series: Series = {
    kind: 'series',
    id: 's',
    title: 'S',
    x: { title: 'k', values: [1, 2, 3, 4] },
    lines: [{ name: 'σ', values: [100, 10, 1, 0] }],
    unit: 'σ',
    logarithmic: { y: true },
  };
  const heights = readXml(figureToSvg(series))
    .filter(({ name }) => name === 'circle')
    .map(({ attributes }) => Number(attributes['cy']));
  assert.equal(heights.length, 3);
  const [a = 0, b = 0, c = 0] = heights;
  assert.ok(b > a && Math.abs(b - a - (c - b)) < 0.02);
});

test('two hundred lines do not bury a series under its key', () => {
  const lines = Array.from({ length: 200 }, (_, index) => ({
    name: `task ${String(index)}`,
    values: [1, 2],
  }));
  const x = { title: 'x', values: [0, 1] };
  const svg = figureToSvg({ kind: 'series', id: 's', title: 'S', x, lines, unit: '' });
  const height = Number(/ height="([\d.]+)"/.exec(svg)?.[1]);
  assert.ok(height < 600);
  assert.match(svg, /and 170 more/);
});

test('groups of a scatter differ in colour and in the form of their marks', () => {
  const scatter: Scatter = {
    kind: 'scatter',
    id: 'c',
    title: 'C',
    x: { title: 'x', values: [0, 1] },
    y: { title: 'y', values: [0, 1] },
    points: [{ label: 'a' }, { label: 'b' }],
    groups: [0, 1],
  };
  const points = readXml(figureToSvg(scatter)).filter(({ attributes }) => attributes['class'] === 'point');
  const form = (index: number) => points[index]?.attributes['d']?.replace(/[\d.-]+/g, '');
  assert.notEqual(points[0]?.attributes['fill'], points[1]?.attributes['fill']);
  assert.notEqual(form(0), form(1));
});

test('groups with names have a key, and many points of a kind are named only when pointed at', () => {
  const scatter: Scatter = {
    ...heaps(6, (index) => `sample ${String(index)}`),
    groups: [0, 2, 2, 0, 0, 2],
    groupNames: ['easy', 'ambiguous', 'hard'],
    isNamed: false,
  };
  const elements = readXml(figureToSvg(scatter));
  const texts = elements.filter(({ name }) => name === 'text').map(({ text }) => text);
  assert.ok(texts.includes('easy (3)') && texts.includes('hard (3)'));
  assert.ok(!texts.some((text) => text.startsWith('ambiguous') || text.startsWith('sample')));
  const told = elements.filter(({ name }) => name === 'title').map(({ text }) => text);
  assert.equal(told.filter((text) => /^sample \d: .*, (?:easy|hard)$/.test(text)).length, 6);
});

test('a graph has a mark for each node and an arc for each edge, the strongest the widest', () => {
  const nodes = [0, 1, 2].map((column) => ({ entry: { label: `h${String(column)}` }, column, row: 0 }));
  const edges = [
    { from: 0, to: 1, weight: 0.1, group: 'K' },
    { from: 0, to: 2, weight: 0.9, group: 'Q' },
  ];
  const svg = figureToSvg({
    kind: 'graph',
    id: 'g',
    title: 'G',
    nodes,
    edges,
    columnTitle: 'layer',
    rowTitle: 'head',
    unit: 'composition',
  });
  const elements = readXml(svg);
  const arcs = elements.filter(({ attributes }) => attributes['class'] === 'edge');
  assert.equal(elements.filter(({ attributes }) => attributes['class'] === 'node').length, 3);
  const width = (to: string) =>
    Number(arcs.find(({ attributes }) => attributes['data-to'] === to)?.attributes['stroke-width']);
  assert.ok(width('2') > width('1'));
});
