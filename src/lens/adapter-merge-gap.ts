import { mersenneTwister } from '../model/adapters/torch-random';
import { networkOrder } from '../model/naming';
import { ModelFindings } from '../model/model-findings';
import type { FactoredDelta } from '../model/task-vector';
import type { Artifact } from '../protocol/artifact';
import type { Finding } from '../protocol/finding';
import type { LensDescription } from '../protocol/lens';
import { cancelled, failure, success, type Result } from '../protocol/result';
import type { WeightedDelta } from '../tensor/factor-merges';
import { hasFiniteFactors } from '../tensor/factor-products';
import {
  layerMatrix,
  mergeAdvice,
  methodMatrices,
  methodTable,
  tensorTable,
  type TensorMerge,
} from './adapter-merge-artifacts';
import { mergesOf } from './adapter-merge-sums';
import { adapterTasks, type AdapterTask } from './adapter-tasks';
import { loadLowRank } from './group-pass';
import { lambdasOf } from './lambda-parameter';
import type { Lens, LensContext } from './lens';
import { checkNeeds } from './needs';
import { pause } from './pause';

const description: LensDescription = {
  id: 'adapter-merge-gap',
  version: 1,
  title: 'What does combining adapters really give?',
  summary:
    'Compares what each combination type of PEFT’s add_weighted_adapter makes of these LoRAs with the weighted sum of their changes, module by module, before anything is merged.',
  formula:
    'T = Σ wᵢsᵢBᵢAᵢ;  linear M = (Σ βᵢBᵢ)(Σ βᵢAᵢ), βᵢ = √(wᵢsᵢ), with cross terms BᵢAⱼ;  ties, dare: A and B pruned and merged each for itself;  svd M = best rank r of Σ wᵢsᵢ²BᵢAᵢ;  cat M = T;  error ‖M − T‖/‖T‖',
  reading:
    'An error of 0 means that the merged adapter does to the weights what the adapters would do side by side; 1 is as wrong as no adapter at all. "linear", "ties" and "dare" merge A and B apart, which adds products of one adapter’s B with another’s A that nobody trained; unrelated adapters have errors near 1. A cosine near 1 with a ratio of norms off 1 is a matter of strength: PEFT’s "svd" counts the scale alpha/r twice. "cat" is exact at the sum of the ranks, and resized afterwards it is the best that a small rank can be.',
  source: [
    {
      title: 'PEFT, LoraModel.add_weighted_adapter (source code, read 2026)',
      link: 'https://github.com/huggingface/peft/blob/00277830b806ba52017c1a1fc315efb18844db9d/src/peft/tuners/lora/model.py',
    },
    {
      title: 'TIES-Merging: Resolving Interference When Merging Models (Yadav et al. 2023)',
      link: 'https://arxiv.org/abs/2306.01708',
    },
    {
      title: 'Language Models are Super Mario: Absorbing Abilities from Homologous Models (Yu et al. 2024)',
      link: 'https://arxiv.org/abs/2311.03099',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 2 }, parts: ['adapter'], factored: true },
  parameters: [
    {
      name: 'lambda',
      title: 'Weights',
      help: 'One number for all adapters (1), or one per adapter (style=0.7,subject=1). Errors do not change with a factor common to all.',
      type: 'text',
      default: '1',
    },
    {
      name: 'density',
      title: 'Density',
      help: 'Share of the entries of A and of B that "ties" and "dare" keep.',
      type: 'number',
      default: 0.5,
      minimum: 0.01,
      maximum: 1,
    },
    {
      name: 'rank',
      title: 'Rank',
      help: 'Rank after "svd" and after resizing; 0 takes the largest rank of the adapters, as PEFT does.',
      type: 'number',
      default: 0,
      minimum: 0,
      maximum: 4096,
      integer: true,
    },
    {
      name: 'seed',
      title: 'Seed',
      help: 'Of the random choice of "dare": one draw of many, and not the one torch would make.',
      type: 'number',
      default: 0,
      minimum: 0,
      maximum: 4294967295,
      integer: true,
    },
  ],
};

/** Combinations of LoRAs against the weighted sum of what they change. */
export const adapterMergeGap: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const adapters = adapterTasks(study);
    if (!adapters.ok) return adapters;
    const { groups, leftOut, taking } = groupsOf(adapters.value);
    if (taking.length < 2) return tooFew(study.spec.name, taking);
    const names = study.tasks.map(({ name }) => name);
    const weights = lambdasOf(String(parameters['lambda'] ?? '1'), names, 1);
    if (!weights.ok) return weights;
    const given = Number(parameters['rank'] ?? 0);
    const rank = given > 0 ? given : Math.max(...ranksOf(groups).values());
    const next = mersenneTwister(Number(parameters['seed'] ?? 0));
    const settings = {
      density: Number(parameters['density'] ?? 0.5),
      random: () => next() / 2 ** 32,
      byFactors: new Set(ranksOf(groups).values()).size === 1,
    };
    const merged = await mergeAll(groups, weights.value, rank, settings, context);
    if (!merged.ok) return merged;
    const { tensors, bytesRead, notFinite } = merged.value;
    const artifacts: Artifact[] = [
      mergeAdvice(tensors, { adapters: taking, rank, leftOut }),
      layerMatrix(tensors),
      ...methodMatrices(tensors),
      methodTable(tensors),
      tensorTable(tensors),
    ];
    return success({ artifacts, findings: notFiniteFindings(adapters.value, notFinite), bytesRead });
  },
};

interface MergeGroup {
  readonly tensor: string;
  readonly members: readonly { readonly task: number; readonly delta: FactoredDelta }[];
}

interface MergeGroups {
  readonly groups: readonly MergeGroup[];
  /** Names of the adapters that have factors to merge. */
  readonly taking: readonly string[];
  /** Changes that are no product of two stored factors, which PEFT cannot combine. */
  readonly leftOut: number;
}

function groupsOf(adapters: readonly AdapterTask[]): MergeGroups {
  const byTensor = new Map<string, { task: number; delta: FactoredDelta }[]>();
  const taking = new Set<string>();
  let leftOut = 0;
  for (const { index, name, task } of adapters) {
    for (const [tensor, delta] of task.deltas) {
      if (delta.kind !== 'lowRank' || delta.stored === null) {
        leftOut++;
        continue;
      }
      taking.add(name);
      const members = byTensor.get(tensor) ?? [];
      members.push({ task: index, delta });
      byTensor.set(tensor, members);
    }
  }
  const groups = networkOrder([...byTensor.keys()]).map((tensor) => ({
    tensor,
    members: byTensor.get(tensor) ?? [],
  }));
  return { groups, taking: [...taking], leftOut };
}

/** The largest rank of each adapter, by task: PEFT compares those, not the ranks of single modules. */
function ranksOf(groups: readonly MergeGroup[]): ReadonlyMap<number, number> {
  const ranks = new Map<number, number>();
  for (const { members } of groups)
    for (const { task, delta } of members) ranks.set(task, Math.max(ranks.get(task) ?? 0, delta.rank));
  return ranks;
}

function tooFew(study: string, taking: readonly string[]): Result<never> {
  const found = taking.length === 0 ? 'none has' : `only ${taking.join(', ')} has`;
  return failure({
    code: 'no-task-vector',
    message: `"${description.title}" needs at least 2 LoRAs; in "${study}" ${found} factors A and B to merge.`,
    action: 'Add LoRA adapters. PEFT combines no DoRA, LoHa, LoKr or (IA)³ in this way.',
  });
}

interface MergedAll {
  readonly tensors: readonly TensorMerge[];
  readonly bytesRead: number;
  /** Factors with NaN or infinities: their tensors are in no figure. */
  readonly notFinite: readonly { readonly task: number; readonly tensor: string }[];
}

function notFiniteFindings(adapters: readonly AdapterTask[], found: MergedAll['notFinite']): Finding[] {
  return adapters.flatMap(({ index, name, task }) => {
    const findings = new ModelFindings(task.checkpoint.path);
    for (const { task: own, tensor } of found)
      if (own === index)
        findings.add(
          'matrix-not-finite',
          `${name}: the factors of ${tensor} hold NaN or infinities; the tensor is left out of every figure.`,
          tensor,
        );
    return findings.all();
  });
}

async function mergeAll(
  groups: readonly MergeGroup[],
  weights: readonly number[],
  rank: number,
  settings: Parameters<typeof mergesOf>[2],
  context: LensContext,
): Promise<Result<MergedAll>> {
  const notFinite: MergedAll['notFinite'][number][] = [];
  const tensors: TensorMerge[] = [];
  let bytesRead = 0;
  for (const [at, { tensor, members }] of groups.entries()) {
    if (context.signal.aborted) return cancelled();
    context.progress(at / groups.length, 'Merging factors');
    await pause();
    const parts: WeightedDelta[] = [];
    for (const { task, delta } of members) {
      const read = await loadLowRank(delta);
      if (!read.ok) return read;
      bytesRead += read.value.bytesRead;
      const own = read.value.delta;
      if (hasFiniteFactors(own)) parts.push({ weight: weights[task] ?? 1, delta: own });
      else notFinite.push({ task, tensor });
    }
    if (parts.length < members.length) continue;
    tensors.push({ tensor, adapters: parts.length, merges: mergesOf(parts, rank, settings) });
  }
  return success({ tensors, bytesRead, notFinite });
}
