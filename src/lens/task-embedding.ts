import { rowLabel } from '../model/naming';
import type { Artifact, AxisEntry, Matrix, Note, Scatter, Series, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { classicalScaling } from './classical-scaling';
import { fromZero } from './domain';
import { concentrations, embeddingDistance, fisherEmbedding } from './gradients/fisher-embedding';
import { obstacleNotes } from './gradients/obstacle-notes';
import { studyFisher, type TaskFisher } from './gradients/fisher-models';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import type { Lens } from './lens';
import { averageLinkage, dendrogram, leafOrder, type Merge } from './linkage';
import { percent, shortNumber } from './wording';

const description: LensDescription = {
  id: 'task-embedding',
  version: 1,
  title: 'Which tasks lean on the same weights?',
  summary:
    'Takes the Fisher information of the base on the samples of every task as a fingerprint of the task, and maps tasks by how alike their fingerprints are: before anything is trained.',
  formula:
    'd(a, b) = 1 − cos(Fₐ/(Fₐ+F_b), F_b/(Fₐ+F_b)), F averaged over each tensor, at θ₀;  κ⁽ˡ⁾ = mean(F²)/mean(F)² over the weights of a layer',
  reading:
    'Near 0 two tasks need the same parts of the network: train them together, start one from the other, or take its settings over. Larger values: they lean on different parts. The samples of a task are all that counts, its fine-tune is not looked at; compare with task-similarity, which sees where training went. κ says how few weights carry the information of a layer: 3 is that of squared normal numbers, far above it a handful matters.',
  source: [
    {
      title: 'Task2Vec: Task Embedding for Meta-Learning (Achille et al. 2019), symmetric distance',
      link: 'https://arxiv.org/abs/1902.03545',
    },
    {
      title: 'AutoTransfer: AutoML with Knowledge Transfer (Cao et al. 2023), scale-free Fisher statistic',
      link: 'https://arxiv.org/abs/2303.07669',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER],
};

/** Distances between the Fisher information of tasks at the base. */
export const taskEmbedding: Lens = {
  description,
  async run(study, parameters, context) {
    const found = await studyFisher(study, description, { ...parameters, at: 'base' }, context);
    if (!found.ok) return found;
    const { tasks, findings, bytesRead } = found.value;
    const names = tasks.map(({ task }) => task);
    const embeddings = tasks.map(({ fisher }) => fisherEmbedding(fisher.tensors));
    const distances = embeddings.flatMap((a, i) =>
      embeddings.map((b, j) => (i === j ? 0 : embeddingDistance(a, b))),
    );
    const n = names.length;
    const given = Float64Array.from(distances, (distance) => distance ?? 1);
    const merges = averageLinkage(given, n);
    const caption = `${tasks.map((each) => each.caption).join(' ')} Proxy: labels of the data at one base, where the papers fit heads and draw labels.`;
    const axis = names.map((task) => ({ label: task, task }));
    const artifacts: Artifact[] = [
      advice(names, distances),
      ...obstacleNotes(tasks.map(({ fisher }) => fisher.without)),
      distanceMatrix(axis, distances, merges, caption),
      dendrogram(axis, merges, {
        id: 'tree',
        title: 'Groups of tasks',
        caption: 'Average linkage over d(a, b).',
        unit: 'd(a, b)',
      }),
      map(axis, given),
      concentrationCurves(tasks, caption),
      pairTable(names, distances),
      embeddingTable(tasks, embeddings),
    ];
    return success({ artifacts, findings, bytesRead });
  },
};

function distanceMatrix(
  axis: readonly AxisEntry[],
  distances: readonly (number | null)[],
  merges: readonly Merge[],
  caption: string,
): Matrix {
  const order = leafOrder(merges, axis.length);
  return {
    kind: 'matrix',
    id: 'distances',
    title: 'Distance of tasks',
    caption,
    rows: axis,
    columns: axis,
    rowTitle: 'task',
    columnTitle: 'task',
    values: packNumbers(distances),
    unit: 'd(a, b)',
    scale: 'sequential',
    domain: fromZero(distances),
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
}

function map(axis: readonly AxisEntry[], distances: Float64Array): Scatter {
  const { x, y, stress } = classicalScaling(distances, axis.length);
  const exact = stress === null ? '' : ` Stress ${shortNumber(stress)}: 0 is exact, above 0.2 it misleads.`;
  return {
    kind: 'scatter',
    id: 'map',
    title: 'Map of tasks',
    caption: `Classical multidimensional scaling of d(a, b); axes have no meaning of their own.${exact}`,
    x: { title: 'first axis', values: packNumbers([...x]) },
    y: { title: 'second axis', values: packNumbers([...y]) },
    points: axis,
  };
}

function concentrationCurves(tasks: readonly TaskFisher[], caption: string): Series {
  const curves = tasks.map(({ fisher }) => concentrations(fisher.tensors));
  const rows = [...(curves[0]?.keys() ?? [])];
  return {
    kind: 'series',
    id: 'concentration',
    title: 'How few weights carry the information of a layer',
    caption,
    x: { title: 'layer', values: rows.map(rowLabel) },
    lines: tasks.map(({ task }, at) => ({
      name: task,
      task,
      values: packNumbers(rows.map((row) => curves[at]?.get(row) ?? null)),
    })),
    unit: 'κ',
    logarithmic: { y: true },
    places: rows.map((row) => ({ label: rowLabel(row), layer: row })),
  };
}

function pairTable(names: readonly string[], distances: readonly (number | null)[]): Table {
  const n = names.length;
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Distances of tasks',
    columns: [
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'distance', title: 'd(a, b)', type: 'number' },
    ],
    rows: names.flatMap((a, i) =>
      names.slice(i + 1).map((b, offset) => [a, b, distances[i * n + i + 1 + offset] ?? null]),
    ),
  };
}

function embeddingTable(
  tasks: readonly TaskFisher[],
  embeddings: readonly ReadonlyMap<string, number>[],
): Table {
  return {
    kind: 'table',
    id: 'embeddings',
    title: 'Fingerprints of the tasks',
    caption: 'Undefined: the gradient is rounding only.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'fisher', title: 'Mean F', type: 'number' },
      { name: 'concentration', title: 'κ', type: 'number' },
    ],
    rows: tasks.flatMap(({ task, fisher: { tensors } }, at) =>
      tensors.map(({ tensor, sum, frobenius, count }) => {
        const mean = embeddings[at]?.get(tensor) ?? null;
        return [task, tensor, mean, mean === null ? null : (frobenius * frobenius * count) / (sum * sum)];
      }),
    ),
  };
}

function advice(names: readonly string[], distances: readonly (number | null)[]): Note {
  const n = names.length;
  const lines = names.map((task, i) => {
    const nearest = names
      .map((other, j) => ({ other, j, distance: distances[i * n + j] ?? null }))
      .filter(({ j, distance }) => j !== i && distance !== null)
      .toSorted((x, y) => (x.distance ?? 0) - (y.distance ?? 0));
    const [first, second] = nearest;
    if (first === undefined) return `${task}: there is nothing to compare it with.`;
    const gap = second === undefined ? null : 1 - (first.distance ?? 0) / (second.distance || 1);
    const clear =
      gap === null
        ? ''
        : `, ${percent(gap)} nearer than ${second?.other ?? ''}${gap < 0.1 ? ': about as near' : ''}`;
    return `${task} is nearest to ${first.other} (${shortNumber(first.distance ?? 0)}${clear}).`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'Which tasks to train together',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Try the settings of the nearest task first, and train near tasks together.',
      'Limits: fingerprints are of these samples and this base; leaning on the same weights does not say in which direction: gradient-conflict does.',
    ].join('\n'),
  };
}
