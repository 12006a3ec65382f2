import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Artifact, Matrix } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { deltaMetrics, type DeltaMetric } from './delta-metrics';
import { activityMatrix, activityOverlap, tensorActivity } from './active-tensors';
import { baseVerdict } from './base-verdict';
import { countBelowEpsilon } from './below-epsilon';
import { changeNote, type ProfiledTensor } from './delta-notes';
import { COVERAGE, energyTable, layerTable, tensorTable } from './delta-tables';
import { energyNote, energySeries } from './energy-split';
import { readNorms } from './group-pass';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { AXES_CAPTION, networkAxes, networkMatrix, type NetworkAxes } from './network-axes';
import { addProfiles, figuresOf, profileOf, type ProfileSums } from './profile-sums';
import { partOf } from './progress-part';
import { sharePlan, storageTable } from './share-plan';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

const description: LensDescription = {
  id: 'delta-profile',
  version: 2,
  title: 'What did training change?',
  summary:
    'Shows for every layer and module how far a fine-tune or adapter moved the weights away from its base.',
  formula:
    'τ = θ − θ₀ (for an adapter τ = s·B·A);  ‖τ‖,  ‖τ‖/‖θ₀‖,  cos(θ₀, θ),  max|τ|,  |{τ = 0}|/n,  |{|τ| ≤ ε·rms(θ₀)}|/n,  |{θ₀·θ < 0}|/n;  energy of a role Σ‖τ‖² over its modules / ‖τ‖²',
  reading:
    'Read the verdict on the base first: against the wrong base every other figure is meaningless. Then the relative norm: dark rows are the layers that training moved most, in units of their own size. Light rows are candidates for freezing or sharing. A hatched cell is undefined, not 0. A cosine with the base near 1 beside a large norm means that weights grew rather than turned. The stacked shares tell whether attention or MLPs learned the task; the plan names what may be frozen or stored once. It is read off the weights (proxy): SubTuning chooses layers by training them, Telly by how far their representations moved. The table of storage has what those count who share a network among tasks: the base once, and the own part of each task. Findings name tensors that a task lacks, as a pruned one does.',
  source: [
    {
      title: 'Editing Models with Task Arithmetic (Ilharco et al. 2023)',
      link: 'https://arxiv.org/abs/2212.04089',
    },
    {
      title: 'AdaMerging: Adaptive Model Merging for Multi-Task Learning (Yang et al. 2024)',
      link: 'https://arxiv.org/abs/2310.02575',
    },
    {
      title: 'Task Adaptive Parameter Sharing for Multi-Task Learning (Wallingford et al. 2022)',
      link: 'https://arxiv.org/abs/2203.16708',
    },
    {
      title: 'Efficient Computation Sharing for Multi-Task Visual Scene Understanding (Shoouri et al. 2023)',
      link: 'https://arxiv.org/abs/2303.09663',
    },
    {
      title: '1bit-Merging: Dynamic Quantized Merging for Large Language Models (Liu et al. 2025)',
      link: 'https://arxiv.org/abs/2502.10743',
    },
    {
      title:
        'On the Effectiveness of LayerNorm Tuning for Continual Learning in Vision Transformers (De Min et al. 2023)',
      link: 'https://arxiv.org/abs/2308.09610',
    },
    {
      title: 'Less is More: Selective Layer Finetuning with SubTuning (Kaplun et al. 2023)',
      link: 'https://arxiv.org/abs/2302.06354',
    },
    {
      title:
        'Towards Efficient Fine-tuning of Pre-trained Code Models: An Experimental Study and Beyond (Shi et al. 2023)',
      link: 'https://arxiv.org/abs/2304.05216',
    },
    {
      title: 'Transfer Learning for Structured Pruning under Limited Task Data (Dery et al. 2023)',
      link: 'https://arxiv.org/abs/2311.06382',
    },
    {
      title:
        'FAME-ViL: Multi-Tasking Vision-Language Model for Heterogeneous Fashion Tasks (Han et al. 2023)',
      link: 'https://arxiv.org/abs/2303.02483',
    },
    {
      title: 'CLR: Channel-wise Lightweight Reprogramming for Continual Learning (Ge et al. 2023)',
      link: 'https://arxiv.org/abs/2307.11386',
    },
    {
      title: 'Deep Safe Multi-Task Learning (Yue et al. 2021)',
      link: 'https://arxiv.org/abs/2111.10601',
    },
    {
      title: 'LoRA: Low-Rank Adaptation of Large Language Models (Hu et al. 2022)',
      link: 'https://arxiv.org/abs/2106.09685',
    },
    {
      title: 'A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA (Kalajdzievski 2023)',
      link: 'https://arxiv.org/abs/2312.03732',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    {
      name: 'elementwise',
      title: 'Look at every element of adapters',
      help: 'Also compute largest change, identical entries and sign flips for adapters: forms s·B·A row by row, which takes longer.',
      type: 'boolean',
      default: false,
    },
    {
      name: 'epsilon',
      title: 'Tolerance ε',
      help: 'Entries with |τ| up to ε·rms(θ₀) of their tensor count as shared with the base, e.g. 0.001. Reads everything a second time; 0 counts identical entries only.',
      type: 'number',
      default: 0,
      minimum: 0,
    },
  ],
};

/** ‖τ‖ and its kin per tensor, layer and module of every task. */
export const deltaProfile: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const elementwise = parameters['elementwise'] === true;
    const epsilon = Number(parameters['epsilon'] ?? 0);
    const groups = tensorGroups(study);
    const first = partOf(context, 0, epsilon > 0 ? 0.5 : 1);
    const read = await readNorms(groups, elementwise, first);
    if (!read.ok) return read;
    const small = await countBelowEpsilon(
      groups,
      read.value.sums,
      epsilon,
      elementwise,
      partOf(context, 0.5, 1),
    );
    if (!small.ok) return small;
    const profiled = groups.flatMap((group, index) => {
      const { base, members } = group;
      const sums = read.value.sums[index];
      const below = small.value.counts[index] ?? [];
      const place = placeOf(base.name);
      return members.flatMap(({ task, delta }, position): ProfiledTensor[] => {
        const own = sums?.tasks[position];
        if (!sums || !own) return [];
        const figures = profileOf(base.span.count, sums.baseSquares, own, below[position] ?? null);
        return [{ task, base, place, factored: delta.kind === 'lowRank', sums: figures }];
      });
    });
    const byTask = study.tasks.map((_, task) => profiled.filter((each) => each.task === task));
    const activity = tensorActivity(study, byTask);
    const layers = networkAxes(activity.map(({ place }) => place));
    const artifacts: Artifact[] = [
      baseVerdict(study, byTask),
      ...heatmaps(study, byTask, elementwise, epsilon),
      activityMatrix(study, activity, layers),
      ...energySeries(study, byTask, layers),
      changeNote(study, byTask),
      energyNote(study, byTask),
      sharePlan(study, activity, layers, epsilon),
      layerTable(study, byTask, epsilon),
      energyTable(study, byTask),
      storageTable(study, activity),
      activityOverlap(study, activity),
      tensorTable(study, byTask, epsilon),
    ];
    const findings = skippedEntries(study, groups, read.value.sums);
    return success({ artifacts, findings, bytesRead: read.value.bytesRead + small.value.bytesRead });
  },
};

/** Metrics that are larger the further weights have moved. */
const MOVEMENTS: ReadonlySet<string> = new Set(['relative', 'norm', 'max_abs']);

function heatmaps(
  study: Study,
  byTask: readonly (readonly ProfiledTensor[])[],
  elementwise: boolean,
  epsilon: number,
): Matrix[] {
  const axes = networkAxes(byTask.flatMap((tensors) => tensors.map(({ place }) => place)));
  const cells = byTask.map((tensors) => sumInCells(axes, tensors));
  return deltaMetrics(epsilon).flatMap((metric) => {
    const values = cells.map((sums) => sums.map((each) => (each ? figuresOf(each)[metric.name] : null)));
    // One range for all tasks, so that equal colours mean equal numbers side by side.
    const domain = metric.domain(values.flat());
    return study.tasks.map(({ name, kind }, task) =>
      networkMatrix(axes, values[task] ?? [], {
        id: `${metric.name}:${name}`,
        title: `${metric.title} · ${name}`,
        facets: { metric: metric.name, task: name },
        caption: captionOf(metric, kind === 'factored' && !elementwise),
        unit: metric.unit,
        scale: 'sequential',
        domain,
        ...(MOVEMENTS.has(metric.name) ? { measures: 'movement' as const } : {}),
      }),
    );
  });
}

function captionOf(metric: DeltaMetric, onlyFactored: boolean): string {
  const missing =
    metric.elementwise && onlyFactored
      ? ' Not computed for factors: set the parameter "elementwise" to look at every element of s·B·A.'
      : '';
  return `${metric.cell} ${COVERAGE} ${AXES_CAPTION}${missing}`;
}

function sumInCells(axes: NetworkAxes, tensors: readonly ProfiledTensor[]): (ProfileSums | null)[] {
  const cells = new Array<ProfileSums | null>(axes.rows.length * axes.columns.length).fill(null);
  for (const { place, sums } of tensors) {
    const cell = axes.cellOf(place);
    const before = cells[cell];
    cells[cell] = before ? addProfiles(before, sums) : sums;
  }
  return cells;
}
