import type { Artifact, AxisEntry, Matrix, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { averageLinkage, dendrogram, leafOrder } from './linkage';
import { promptAdvice } from './prompt-advice';
import type { ReadPrompt } from './prompt-models';
import { cosineOf, positionCosines, promptPair, rowSquares, type PromptPair } from './prompt-pairs';
import { nearestTable, promptTable, type PromptView } from './prompt-tables';
import type { PromptVocabulary } from './prompt-vocabulary';
import { groupTasks } from './task-groups';

/** Prompts drawn position by position; the others stand in the tables. */
const DRAWN = 12;

const METRICS: readonly {
  readonly id: keyof PromptPair;
  readonly title: string;
  readonly unit: string;
  readonly scale: Matrix['scale'];
}[] = [
  { id: 'matched', title: 'matched', unit: 'mean cos(pᵢ, q_π(i))', scale: 'diverging' },
  { id: 'concat', title: 'concatenated', unit: 'cos(P, Q)', scale: 'diverging' },
  { id: 'average', title: 'average of all pairs', unit: 'mean cos(pᵢ, qⱼ)', scale: 'diverging' },
  { id: 'pooled', title: 'pooled', unit: 'cos(mean p, mean q)', scale: 'diverging' },
  { id: 'euclidean', title: 'Euclidean, concatenated', unit: '1 / (1 + ‖P − Q‖)', scale: 'sequential' },
  {
    id: 'euclideanAverage',
    title: 'Euclidean, average of all pairs',
    unit: '1 / (1 + mean ‖pᵢ − qⱼ‖)',
    scale: 'sequential',
  },
];

/** All that is said of the prompts of a study. */
export function promptArtifacts(
  prompts: readonly ReadPrompt[],
  vocabulary: PromptVocabulary | null,
  hasBase: boolean,
): Artifact[] {
  const n = prompts.length;
  const pairs = pairsOf(prompts);
  const distances = Float64Array.from(pairs, (pair, at) =>
    at % (n + 1) === 0 ? 0 : 1 - (pair?.matched ?? 0),
  );
  const merges = averageLinkage(distances, n);
  const grouping = groupTasks(distances, merges, n, 0);
  const view: PromptView = { prompts, pairs, groups: grouping.groups, vocabulary };
  const axis = prompts.map(({ name, task }): AxisEntry => ({ label: name, task }));
  const order = leafOrder(merges, n);
  return [
    promptAdvice(view, grouping.count, hasBase),
    ...(n > 1 ? METRICS.map((metric) => pairMatrix(metric, pairs, axis, order)) : []),
    ...(n > 2
      ? [
          dendrogram(axis, merges, {
            id: 'tree',
            title: 'Groups of prompts',
            caption: 'Average linkage over 1 − the matched cosine; groups could share a prompt.',
            unit: '1 − matched cosine',
          }),
        ]
      : []),
    ...keyMatrices(prompts, axis),
    lengthSeries(prompts.slice(0, DRAWN), vocabulary),
    ...prompts.slice(0, DRAWN).map(positionMatrix),
    promptTable(view),
    nearestTable(view),
  ];
}

/** Every two prompts of one width, n × n. */
function pairsOf(prompts: readonly ReadPrompt[]): (PromptPair | null)[] {
  const n = prompts.length;
  const pairs = new Array<PromptPair | null>(n * n).fill(null);
  prompts.forEach(({ vectors: x }, i) => {
    prompts.slice(0, i + 1).forEach(({ vectors: y }, j) => {
      if (x.columns === y.columns) pairs[i * n + j] = pairs[j * n + i] = promptPair(x, y);
    });
  });
  return pairs;
}

function pairMatrix(
  { id, title, unit, scale }: (typeof METRICS)[number],
  pairs: readonly (PromptPair | null)[],
  axis: readonly AxisEntry[],
  order: readonly number[],
): Matrix {
  const values = pairs.map((pair) => pair?.[id] ?? null);
  return {
    kind: 'matrix',
    id,
    title: `Similarity of prompts · ${title}`,
    facets: { metric: title },
    caption:
      'Undefined for prompts of different widths, of different lengths where vectors are concatenated, and for vectors of zeros.',
    rows: axis,
    columns: axis,
    rowTitle: 'prompt',
    columnTitle: 'prompt',
    values: packNumbers(values),
    unit,
    scale,
    domain: values.every((value) => value === null) ? null : scale === 'diverging' ? [-1, 1] : [0, 1],
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
}

/** Cosines of the keys by which a pool is searched: crowded keys select at random. */
function keyMatrices(prompts: readonly ReadPrompt[], axis: readonly AxisEntry[]): Matrix[] {
  const keyed = prompts.flatMap(({ key }, at) => (key ? [{ key, at }] : []));
  if (keyed.length < 2) return [];
  const entries = keyed.map(({ at }) => axis[at] ?? { label: '' });
  const values = keyed.flatMap((x) =>
    keyed.map((y) => (x.key.length === y.key.length ? cosineOf(x.key, y.key) : null)),
  );
  return [
    {
      kind: 'matrix',
      id: 'keys',
      title: 'Cosine of the keys of the pool',
      caption:
        'Prompts are selected by the cosine of a query with these keys; near 1 the choice is arbitrary.',
      rows: entries,
      columns: entries,
      rowTitle: 'key',
      columnTitle: 'key',
      values: packNumbers(values),
      unit: 'cos(kᵢ, kⱼ)',
      scale: 'diverging',
      domain: [-1, 1],
    },
  ];
}

/** ‖p‖ by position, with what token embeddings have. */
function lengthSeries(prompts: readonly ReadPrompt[], vocabulary: PromptVocabulary | null): Series {
  const longest = Math.max(0, ...prompts.map(({ vectors }) => vectors.rows));
  const positions = Array.from({ length: longest }, (_, at) => at);
  const level = (name: string, value: number) => ({ name, values: packNumbers(positions.map(() => value)) });
  return {
    kind: 'series',
    id: 'lengths',
    title: 'Length of the vectors by position',
    caption: vocabulary
      ? 'With the mean and the 5th and 95th percentile of the lengths of token embeddings.'
      : 'Without the embeddings of a base there is nothing to compare them with.',
    x: { title: 'position', values: positions },
    lines: [
      ...prompts.map(({ name, task, vectors }) => {
        const norms = Array.from(rowSquares(vectors), Math.sqrt);
        return { name, task, values: packNumbers(positions.map((at) => norms[at] ?? null)) };
      }),
      ...(vocabulary
        ? [
            level('tokens, mean', vocabulary.mean),
            level('tokens, 5 %', vocabulary.low),
            level('tokens, 95 %', vocabulary.high),
          ]
        : []),
    ],
    unit: '‖p‖',
  };
}

function positionMatrix({ name, task, vectors }: ReadPrompt): Matrix {
  const axis = Array.from({ length: vectors.rows }, (_, at): AxisEntry => ({ label: String(at), task }));
  return {
    kind: 'matrix',
    id: `positions:${name}`,
    title: `Cosine of positions · ${name}`,
    facets: { task: name },
    caption: 'Near 1 away from the diagonal: two vectors say the same, and a shorter prompt would do.',
    rows: axis,
    columns: axis,
    rowTitle: 'position',
    columnTitle: 'position',
    values: packNumbers(positionCosines(vectors)),
    unit: 'cos(pᵢ, pⱼ)',
    scale: 'diverging',
    domain: [-1, 1],
  };
}
