import { readActivations, type Network } from '../graph/network';
import type { StudyNetwork } from '../graph/study-network';
import type { StudySamples } from '../graph/study-samples';
import { numbersOf } from '../graph/tensor-value';
import type { LayerValues } from '../graph/layer-values';
import type { TaskVector } from '../model/task-vector';
import type { Artifact, Matrix, Note, Series, Table, TableColumn } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { failure, success, type Result } from '../protocol/result';
import { MeanCosine } from './activations/mean-cosine';
import { pooled } from './activations/pooling';
import { SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import { upToOne } from './domain';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { percent, wholeText } from './wording';

const description: LensDescription = {
  id: 'block-influence',
  version: 1,
  title: 'Which layers could be left out?',
  summary:
    'Runs the network on samples and measures how far every layer, and the attention and the MLP in it, turns what passes through.',
  formula:
    'BI = 1 − mean over samples and tokens of cos(x, z);  x → y = x + attention(x) → z = y + MLP(y): attention cos(x, y), MLP cos(y, z), block cos(x, z)',
  reading:
    'A score near 0 means that the layer hands on almost what it was given: the first candidates for leaving out. First and last layers usually turn most. The order is a proxy for the loss: leave the lowest out, measure on a task, and go on. Attention is often more redundant than MLPs. Scores depend on the samples: use those of the task.',
  source: [
    {
      title: 'ShortGPT: Layers in Large Language Models are More Redundant Than You Expect (Men et al. 2024)',
      link: 'https://arxiv.org/abs/2403.03853',
    },
    {
      title: 'What Matters in Transformers? Not All Attention is Needed (He et al. 2024)',
      link: 'https://arxiv.org/abs/2406.15786',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: SAMPLE_PARAMETERS,
};

const PARTS = ['attention', 'mlp', 'block'] as const;
type Part = (typeof PARTS)[number];

/** Scores of one layer of one model. */
interface LayerScores {
  readonly layer: LayerValues;
  readonly scores: Readonly<Record<Part, MeanCosine>>;
}

interface ModelScores {
  readonly name: string;
  readonly task: TaskVector | null;
  readonly caption: string;
  readonly layers: readonly LayerScores[];
}

/** 1 − mean cosine between what enters and what leaves each block, attention and MLP, of the base and every task. */
export const blockInfluence: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const models: ModelScores[] = [];
    const all = [null, ...study.tasks];
    for (const [index, task] of all.entries()) {
      const samples = await opened.value.samplesOf(task);
      if (!samples.ok) return samples;
      const report = (share: number) =>
        context.progress(
          (index + share) / all.length,
          `Running ${task?.name ?? 'the base'} on ${samples.value.name}`,
        );
      const scores = await scoresOf(opened.value, task, samples.value, context, report);
      if (!scores.ok) return scores;
      models.push({
        name: task?.name ?? 'base',
        task,
        caption: `Over ${samplesText(samples.value)}.`,
        layers: scores.value,
      });
    }
    const artifacts: Artifact[] = [
      advice(models, sizesOf(opened.value.network)),
      heatmap(models),
      ...models.map((model) => curves(model, models.length > 1)),
      layerTable(models, sizesOf(opened.value.network)),
    ];
    return success({ artifacts, findings: opened.value.findings, bytesRead: opened.value.bytesRead() });
  },
};

async function scoresOf(
  study: StudyNetwork,
  task: TaskVector | null,
  samples: StudySamples,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly LayerScores[]>> {
  const layers = study.network.layers.filter(({ input }) => input !== null);
  if (layers.length === 0) return noLayers();
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const scores = layers.map((layer) => ({
    layer,
    scores: { attention: new MeanCosine(), mlp: new MeanCosine(), block: new MeanCosine() },
  }));
  const values = layers.flatMap(({ input, middle, output }) =>
    [input, middle, output].filter((name) => name !== null),
  );
  const read = await readActivations(
    study.network,
    { values, weights: weights.value, samples, count: samples.count, signal, progress },
    (batch) => {
      const rows = new Map(
        [...batch].map(([name, value]) => [name, pooled(numbersOf(value), value.shape, 'tokens')]),
      );
      for (const { layer, scores: own } of scores) {
        const add = (part: Part, from: string | null, to: string | null) => {
          const [x, y] = [rows.get(from ?? ''), rows.get(to ?? '')];
          if (x && y && x.rows === y.rows && x.columns === y.columns)
            own[part].add(x.values, y.values, x.columns);
        };
        add('attention', layer.input, layer.middle);
        add('mlp', layer.middle, layer.output);
        add('block', layer.input, layer.output);
      }
      return true;
    },
  );
  if (!read.ok) return read;
  const compared = scores.filter(({ scores: { block } }) => block.value !== null);
  return compared.length > 0 ? success(compared) : noLayers();
}

function noLayers(): Result<never> {
  return failure({
    code: 'graph-layers',
    message:
      'No layer of the graph gives as many features as it is given, so none can be compared with its input.',
    action: 'Use a graph with a stream through its layers, such as that of a transformer.',
  });
}

function influence(mean: MeanCosine): number | null {
  return mean.value === null ? null : 1 - mean.value;
}

/** Parameters of a part of the network and of the whole. */
interface Sizes {
  readonly total: number;
  /** Of the layer or, in networks without numbered layers, the module of that name. */
  of(layer: string): number;
  /** Whether it has a weight of two dimensions or more: a norm or a scale has none. */
  hasMatrix(layer: string): boolean;
}

function sizesOf({ map }: Network): Sizes {
  const weights = map.placements.map(({ initializer, tensor }) => {
    const { count = 0, shape = [] } = map.graph.initializers.get(initializer) ?? {};
    return { tensor, count, dimensions: shape.length };
  });
  const within = (layer: string) => weights.filter(({ tensor }) => tensor.startsWith(`${layer}.`));
  const sum = (counted: typeof weights) => counted.reduce((all, { count }) => all + count, 0);
  return {
    total: sum(weights),
    of: (layer) => sum(within(layer)),
    hasMatrix: (layer) => within(layer).some(({ dimensions }) => dimensions > 1),
  };
}

function heatmap(models: readonly ModelScores[]): Matrix {
  const layers = models[0]?.layers.map(({ layer }) => layer) ?? [];
  const values = layers.flatMap((_, at) =>
    models.map(({ layers: own }) => {
      const scores = own[at]?.scores;
      return scores ? influence(scores.block) : null;
    }),
  );
  return {
    kind: 'matrix',
    id: 'blocks',
    title: 'How far every block turns what passes through',
    rows: layers.map(({ layer, label }) => ({ label, layer })),
    columns: models.map(({ name, task }) => (task ? { label: name, task: name } : { label: name })),
    rowTitle: 'layer',
    columnTitle: 'model',
    values: packNumbers(values),
    unit: '1 − cos',
    scale: 'sequential',
    domain: upToOne(values),
  };
}

function curves({ name, task, layers, caption }: ModelScores, several: boolean): Series {
  return {
    kind: 'series',
    id: several ? `influence:${name}` : 'influence',
    title: `Influence along the layers, ${name}`,
    ...(several ? { facets: { task: name } } : {}),
    caption,
    x: { title: 'layer', values: layers.map(({ layer }) => layer.label) },
    lines: PARTS.map((part) => ({
      name: part,
      values: packNumbers(layers.map(({ scores }) => influence(scores[part]))),
      ...(task ? { task: task.name } : {}),
    })),
    unit: '1 − cos',
    places: layers.map(({ layer: { layer, label } }) => ({ label, layer })),
  };
}

const COLUMNS: readonly TableColumn[] = [
  { name: 'layer', title: 'Layer', type: 'text' },
  { name: 'attention', title: 'Attention', type: 'number' },
  { name: 'mlp', title: 'MLP', type: 'number' },
  { name: 'block', title: 'Block', type: 'number' },
  { name: 'model', title: 'Model', type: 'text' },
  { name: 'standard_error', title: 'Standard error of the block', type: 'number' },
  { name: 'parameters', title: 'Parameters', type: 'integer' },
  { name: 'drop_order', title: 'Place in the order of leaving out', type: 'integer' },
];

function layerTable(models: readonly ModelScores[], sizes: Sizes): Table {
  const rows = models.flatMap(({ name, layers }) => {
    const order = dropOrder(layers);
    return layers.map(({ layer, scores }) => [
      layer.layer,
      influence(scores.attention),
      influence(scores.mlp),
      influence(scores.block),
      name,
      scores.block.standardError,
      sizes.of(layer.layer),
      order.indexOf(layer.layer) + 1,
    ]);
  });
  return { kind: 'table', id: 'layers', title: 'Scores of every layer', columns: COLUMNS, rows };
}

/** Layers from the least influence to the most. */
function dropOrder(layers: readonly LayerScores[]): readonly string[] {
  return layers
    .toSorted((x, y) => (influence(x.scores.block) ?? Infinity) - (influence(y.scores.block) ?? Infinity))
    .map(({ layer }) => layer.layer);
}

/** So many layers are named as the first to be left out: a quarter. */
const NAMED_SHARE = 0.25;

function adviceOf({ name, layers }: ModelScores, sizes: Sizes): string {
  const worth = layers.filter(({ layer }) => sizes.hasMatrix(layer.layer));
  if (worth.length === 0) {
    return `${name}: leaving out gains nothing: the parts that hand on as many features as they are given have no weight matrix (they are norms).`;
  }
  const first = dropOrder(worth).slice(0, Math.max(1, Math.floor(worth.length * NAMED_SHARE)));
  const labels = first.map((id) => worth.find(({ layer }) => layer.layer === id)?.layer.label ?? id);
  const saved = first.reduce((sum, id) => sum + sizes.of(id), 0);
  const score = worth.find(({ layer }) => layer.layer === first[0])?.scores.block;
  return `${name}: leave out ${labels.join(', ')} first (block influence ${((score && influence(score)) ?? 0).toFixed(3)} at the lowest): ${wholeText(saved)} parameters, ${percent(saved / Math.max(1, sizes.total))} of the network.`;
}

function advice(models: readonly ModelScores[], sizes: Sizes): Note {
  const lines = models.map((model) => adviceOf(model, sizes));
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to leave out first',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: the influence stands in for the loss, on these samples. Scores change once a layer is gone: leave out one, measure the accuracy, and run this again.',
    ].join('\n'),
  };
}
