// Made-up artifacts of every kind that is not a matrix or a table.
import type { Graph, Histogram, Note, Scatter, Series, Tree } from '../../src/protocol/artifact';
import { seeded } from './sample-results';

const random = seeded(3);
const TASKS = ['a', 'b', 'c', 'd'];

const EDGES = [0, ...Array.from({ length: 40 }, (_, index) => 10 ** (-6 + index / 8))];
const COUNTS = EDGES.slice(1).map((_, bin) => Math.round(1e5 * Math.exp(-(((bin - 22) / 7) ** 2))));

const histogram: Histogram = {
  kind: 'histogram',
  id: 'sizes',
  title: 'Sizes of changes · a',
  edges: EDGES,
  counts: COUNTS,
  unit: '|τ|',
  logarithmic: true,
  cuts: {
    keepParameter: 'keep',
    dropParameter: 'drop',
    keep: 0.6,
    drop: 0.1,
    energies: COUNTS.map((count, bin) => count * (EDGES[bin + 1] ?? 0) ** 2),
  },
};

const scatter: Scatter = {
  kind: 'scatter',
  id: 'map',
  title: 'Map of tasks',
  x: { title: 'first coordinate', values: TASKS.map(() => random()) },
  y: { title: 'second coordinate', values: TASKS.map(() => random()) },
  points: TASKS.map((task) => ({ label: task, task })),
  groups: [0, 0, 1, 2],
};

const series: Series = {
  kind: 'series',
  id: 'spectrum',
  title: 'Singular values',
  x: { title: 'k', values: Array.from({ length: 16 }, (_, k) => k + 1) },
  lines: TASKS.map((task, index) => ({
    name: task,
    task,
    values: Array.from({ length: 16 }, (_, k) => Math.exp(-k / (2 + index))),
  })),
  unit: 'σ',
  logarithmic: { y: true },
};

const LAYERS = Array.from({ length: 12 }, (_, layer) => `layer ${String(layer)}`);
const stacked: Series = {
  kind: 'series',
  id: 'energy',
  title: 'Where the energy is',
  x: { title: 'layer', values: LAYERS },
  lines: ['attention', 'mlp', 'norm', 'embedding'].map((name, index) => ({
    name,
    values: LAYERS.map((_, layer) => [0.4 + 0.02 * layer, 0.5 - 0.02 * layer, 0.06, 0.04][index] ?? 0),
  })),
  unit: 'share',
  style: 'stacked',
  places: LAYERS.map((label, layer) => ({ label, layer: `model.layers.${String(layer)}` })),
};

const tree: Tree = {
  kind: 'tree',
  id: 'tree',
  title: 'Groups of tasks',
  leaves: TASKS.map((task) => ({ label: task, task })),
  merges: [
    { left: 0, right: 1, height: 0.3 },
    { left: 2, right: 3, height: 0.6 },
    { left: 4, right: 5, height: 0.9 },
  ],
  order: [0, 1, 2, 3],
  unit: '1 − cos',
};

const HEADS = 4;
const NODES = Array.from({ length: 6 * HEADS }, (_, index) => {
  const [column, row] = [Math.floor(index / HEADS), index % HEADS];
  const label = `layer ${String(column)} · head ${String(row)}`;
  return { entry: { label, layer: `model.layers.${String(column)}`, head: row }, column, row };
});
const graph: Graph = {
  kind: 'graph',
  id: 'heads',
  title: 'Heads that write to later heads',
  nodes: NODES,
  columnTitle: 'layer',
  rowTitle: 'head',
  edges: Array.from({ length: 30 }, (_, index) => {
    const from = Math.floor(random() * 16);
    const to = (Math.floor(from / HEADS) + 1) * HEADS + Math.floor(random() * HEADS);
    return { from, to, weight: 0.5 / (1 + index / 6), group: ['Q', 'K', 'V'][index % 3] ?? 'Q' };
  }),
  unit: 'composition above baseline',
};

const recommendation: Note = {
  kind: 'note',
  id: 'freeze',
  title: 'Freeze layers 0–3',
  severity: 'information',
  role: 'recommendation',
  text: 'They are bit-identical in all tasks: train and store the other eight only. This says nothing of what a longer training would change.',
};

const verdict: Note = {
  kind: 'note',
  id: 'fit',
  title: 'The base may not be the right one',
  severity: 'warning',
  role: 'verdict',
  text: 'a: 12 of 98 tensors have a counterpart.',
};

export const SAMPLE_ARTIFACTS = {
  histogram,
  scatter,
  series,
  stacked,
  tree,
  graph,
  recommendation,
  verdict,
} as const;
