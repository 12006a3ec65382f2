import type { AxisEntry, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { failure, success } from '../protocol/result';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { baseOf, measureRuns, pairedRuns, type Measured } from './activations/model-runs';
import { neuronsOf, neuronSites, type SiteNeurons } from './activations/neuron-sets';
import { numberMean } from './activations/number-mean';
import { meanBetween, runMatrix } from './activations/run-similarity';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { intersectionOverUnion, randomOverlap } from './activations/unit-sets';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { percent } from './wording';

const description: LensDescription = {
  id: 'neurons',
  version: 1,
  title: 'Which neurons does a task use?',
  summary:
    'Runs the network on samples, counts how often every neuron of an MLP is active, and compares the neurons that tasks specialise in.',
  formula:
    'S(task, layer) = smallest set of neurons with Σ count ≥ k · Σ all counts, count = how often the value that enters the last matrix of the MLP is > 0;  IoU = |S₁ ∩ S₂| / |S₁ ∪ S₂|',
  reading:
    'The neurons of a task are those that are active most often on its samples. Sets of related tasks overlap; where the overlap falls along the layers, the network separates the tasks, and training only its own rows keeps a task from disturbing others. Compare with the overlap of random sets of the same sizes: sets of three quarters of the neurons have much in common by chance. For GELU and gated MLPs "active" means a value above 0, a proxy: the paper counts with ReLU, where all others are exactly 0. The table holds the indices, for masks.',
  source: [
    {
      title:
        'Neuron Specialization: Leveraging Intrinsic Task Modularity for Multilingual Machine Translation (Tan, Wu, Monz 2024)',
      link: 'https://arxiv.org/abs/2404.11201',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'k',
      title: 'Share of activations',
      help: 'The set of a task holds so much of all activations of a layer.',
      type: 'number',
      default: 0.75,
      minimum: 0.01,
      maximum: 1,
    },
  ],
};

type Run = Measured<readonly SiteNeurons[]>;

/** Specialised neurons of base and fine-tunes on the same samples, and what their sets have in common. */
export const neurons: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = neuronSites(opened.value);
    if (sites.length === 0) {
      return failure({
        code: 'graph-layers',
        message:
          'No matrix of the graph is known as the last one of an MLP, so there are no neurons to count.',
        action:
          'Use a graph with the names of a known family of transformers; mixtures of experts have the lens router-usage.',
      });
    }
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const share = Number(parameters['k'] ?? 0.75);
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      neuronsOf(opened.value, run, sites, share, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const caption = captionsOf(measured.value);
    const overlap = (x: readonly SiteNeurons[], y: readonly SiteNeurons[], at: number) =>
      intersectionOverUnion(x[at]?.special ?? [], y[at]?.special ?? []);
    const maps = [null, ...entries.keys()].map((at) =>
      runMatrix(
        measured.value,
        at === null
          ? meanBetween(measured.value, entries.length, overlap)
          : measured.value.flatMap((x) => measured.value.map((y) => overlap(x.value, y.value, at))),
        {
          id: at === null ? 'overlap' : `overlap:${String(at)}`,
          title: `Neurons in common, ${at === null ? 'mean over the layers' : (entries[at]?.label ?? '')}`,
          facets: { layer: at === null ? 'all' : (entries[at]?.label ?? '') },
          caption,
          unit: 'IoU',
          scale: 'sequential',
          domain: [0, 1],
        },
      ),
    );
    return success({
      artifacts: [
        advice(measured.value, entries),
        ...maps,
        layerCurves(SIZE, entries, measured.value, (value, at) => sizeOf(value[at]), { caption }),
        table(measured.value, entries),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

const SIZE = { id: 'size', title: 'Share of neurons in the set', unit: 'share' };

function sizeOf(site: SiteNeurons | undefined): number | null {
  return site && site.counts.length > 0 ? site.special.length / site.counts.length : null;
}

function table(runs: readonly Run[], entries: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Specialised neurons of every layer',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'neurons', title: 'Neurons', type: 'integer' },
      { name: 'specialised', title: 'In the set', type: 'integer' },
      { name: 'dead', title: 'Never active', type: 'integer' },
      { name: 'active', title: 'Active on average', type: 'share' },
      { name: 'base_iou', title: 'IoU with the base', type: 'number' },
      { name: 'random_iou', title: 'IoU of random sets', type: 'number' },
      { name: 'indices', title: 'Indices', type: 'text', hidden: true },
    ],
    rows: runs.flatMap((run) =>
      entries.map(({ layer, label }, at) => {
        const { counts = new Float64Array(), special = [], tokens = 0 } = run.value[at] ?? {};
        const own = baseOf(run, runs)?.value[at]?.special;
        const active = numberMean(counts);
        return [
          run.model,
          run.samples.name,
          layer ?? label,
          counts.length,
          special.length,
          counts.filter((count) => count === 0).length,
          active === null || tokens === 0 ? null : active / tokens,
          own ? intersectionOverUnion(own, special) : null,
          own ? randomOverlap(own.length, special.length, counts.length) : null,
          [...special],
        ];
      }),
    ),
  };
}

function advice(runs: readonly Run[], entries: readonly AxisEntry[]) {
  const lines = runs.flatMap((run) => {
    const base = baseOf(run, runs);
    if (!base) return [];
    const overlaps = run.value.map(({ special }, at) =>
      intersectionOverUnion(special, base.value[at]?.special ?? []),
    );
    const chance = numberMean(
      run.value.map(({ special, counts }, at) =>
        randomOverlap(special.length, base.value[at]?.special.length ?? 0, counts.length),
      ),
    );
    const least = overlaps.reduce<number>(
      (best, value, at) => ((value ?? 2) < (overlaps[best] ?? 2) ? at : best),
      0,
    );
    const mean = numberMean(overlaps) ?? 0;
    return [
      `${run.name}: uses ${percent(mean)} of the neurons that the base uses on the same samples (random sets ${percent(chance ?? 0)}); most others in ${entries[least]?.label ?? ''} (${percent(overlaps[least] ?? 0)}).`,
    ];
  });
  return recommendation(
    'Which neurons to train',
    lines,
    'how often a neuron is active is not how much it matters: check by training only the rows of the set (indices in the table).',
    'One model on one data set: add fine-tunes to compare their neurons.',
  );
}
