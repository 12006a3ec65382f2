import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { cancelled, success } from '../protocol/result';
import type { Lens, LensContext } from './lens';
import { averageLinkage } from './linkage';
import { comparedStudy } from './needs';
import { pause } from './pause';
import { OPPOSED_BELOW, similarityAdvice } from './similarity-advice';
import {
  distancesOf,
  groupTable,
  moduleTable,
  pairTable,
  similarityMap,
  similarityMatrix,
  similarityTree,
} from './similarity-artifacts';
import { opposedPairs, scopesOf, type Scope } from './similarity-scopes';
import { taskGram } from './task-gram';
import { groupTasks, type Grouping } from './task-groups';

const description: LensDescription = {
  id: 'task-similarity',
  version: 2,
  title: 'Which tasks pull together?',
  summary:
    'Compares the directions in which different fine-tunes and adapters moved the same base: the whole model, every layer and every module.',
  formula: 'cos(τᵢ, τⱼ) = ⟨τᵢ, τⱼ⟩ / (‖τᵢ‖ ‖τⱼ‖);  for adapters ⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ)',
  reading:
    'Cosines of unrelated task vectors are near 0, since they have millions of entries; 0.1 is already a shared direction. Negative cosines are tasks that undo each other when added. Look at single layers as well: agreement in the whole may hide opposition in one layer. The map and the groups are summaries; the stress says how far to trust the map.',
  source: [
    {
      title: 'ATM: Improving Model Merging by Alternating Tuning and Merging (Zhou et al. 2024)',
      link: 'https://arxiv.org/abs/2411.03055',
    },
    {
      title: 'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024)',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title: 'Merging Multi-Task Models via Weight-Ensembling Mixture of Experts (Tang et al. 2024)',
      link: 'https://arxiv.org/abs/2402.00433',
    },
    {
      title: 'Learning to Branch for Multi-Task Learning (Guo et al. 2020)',
      link: 'https://arxiv.org/abs/2006.01895',
    },
    {
      title: 'Automated Search for Resource-Efficient Branched Multi-Task Networks (Bruggemann et al. 2020)',
      link: 'https://arxiv.org/abs/2008.10292',
    },
    {
      title: 'Silhouettes: A graphical aid to the interpretation of cluster analysis (Rousseeuw 1987)',
      link: 'https://doi.org/10.1016/0377-0427(87)90125-7',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'groups',
      title: 'Number of groups',
      help: 'Into how many groups the tasks are divided; 0 takes the number with the largest mean silhouette.',
      type: 'number',
      default: 0,
      minimum: 0,
      integer: true,
    },
  ],
};

/** cos(τᵢ, τⱼ) for every two tasks: of the whole task vectors, of each layer, each module, each tensor. */
export const taskSimilarity: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const gram = await taskGram(study, context);
    if (!gram.ok) return gram;
    const { tensors, findings, bytesRead } = gram.value;
    const n = study.tasks.length;
    const scopes = scopesOf(tensors, n);
    const figures = await drawnScopes(study, scopes, Number(parameters['groups'] ?? 0), context);
    if (figures === null) return cancelled();
    const grouping = figures.find(({ scope }) => scope.kind === 'all')?.grouping;
    const opposed = opposedPairs(tensors, n, OPPOSED_BELOW);
    const artifacts: Artifact[] = [
      ...(grouping ? [similarityAdvice(study, grouping, opposed, meanCosine(scopes[0]))] : []),
      ...figures.flatMap(({ matrix }) => matrix),
      ...figures.flatMap(({ tree }) => tree),
      ...figures.flatMap(({ map }) => map),
      ...(grouping ? [groupTable(study, grouping)] : []),
      moduleTable(study, scopes),
      pairTable(study, scopes, tensors),
    ];
    return success({ artifacts, findings, bytesRead });
  },
};

interface DrawnScope {
  readonly scope: Scope;
  readonly grouping: Grouping;
  readonly matrix: Artifact;
  readonly tree: Artifact;
  readonly map: readonly Artifact[];
}

/** Cells of all matrices together: more would not fit into a result that a panel can hold. */
const MOST_CELLS = 2_000_000;
/** For more tasks only the whole model is mapped: the map costs their number cubed, many times over. */
const MOST_MAPPED = 64;

/** Matrix, dendrogram and map of the whole, and of layers and modules while there is room; `null` when cancelled. */
async function drawnScopes(
  study: Study,
  scopes: readonly Scope[],
  wanted: number,
  { signal }: LensContext,
): Promise<DrawnScope[] | null> {
  const n = study.tasks.length;
  const drawn: DrawnScope[] = [];
  for (const scope of scopes.slice(0, Math.max(1, Math.floor(MOST_CELLS / (n * n))))) {
    await pause();
    if (signal.aborted) return null;
    const distances = distancesOf(scope.sums);
    const merges = averageLinkage(distances, n);
    const grouping = groupTasks(distances, merges, n, wanted);
    drawn.push({
      scope,
      grouping,
      matrix: similarityMatrix(study, scope, merges),
      tree: similarityTree(study, scope, merges),
      map: scope.kind === 'all' || n <= MOST_MAPPED ? [similarityMap(study, scope, distances, grouping)] : [],
    });
  }
  return drawn;
}

function meanCosine(scope: Scope | undefined): number | null {
  const n = scope?.sums.n ?? 0;
  const cosines: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const value = scope?.sums.cosine(i, j) ?? null;
      if (value !== null) cosines.push(value);
    }
  }
  return cosines.length > 0 ? cosines.reduce((sum, value) => sum + value, 0) / cosines.length : null;
}
