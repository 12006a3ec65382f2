import type { ExpertLayer } from '../model/experts';
import { modelFinding } from '../model/finding-codes';
import type { Finding } from '../protocol/finding';
import type { LensDescription } from '../protocol/lens';
import { success, type Result } from '../protocol/result';
import { drawnLayers, layerMaps, pairMaps } from './expert-artifacts';
import type { LayerFigures } from './expert-figures';
import { expertGeometry, normOf, type LayerGeometry } from './expert-geometry';
import { canBeMatched, matchExperts, type MatchedLayer } from './expert-matching';
import { expertModels, type ExpertModel } from './expert-models';
import { expertNotes } from './expert-notes';
import { sharedOverlaps } from './expert-overlap';
import { expertPairTable, expertTable, layerTable, sharedTable } from './expert-tables';
import { readGroups, type TensorGroup } from './group-pass';
import type { Lens, LensContext } from './lens';
import { partOf } from './progress-part';
import { wholeText } from './wording';

const description: LensDescription = {
  id: 'experts',
  version: 1,
  title: 'Do the experts of a mixture differ?',
  summary:
    'Compares the experts of every layer of a mixture with each other, their router rows and shared experts, and names near-duplicates and dead ones.',
  formula:
    'cos(Wₐ, W_b) over gate, up and down as one vector;  matched: max over permutations π of Σₖ ⟨aₖ, b_π(k)⟩ / (‖Wₐ‖‖W_b‖), aₖ = [gate row, up row, down column] of hidden unit k;  router: cos of its rows, effective rank exp(−Σ p ln p) of its singular values',
  reading:
    'Cosines near 0 are what experts trained apart have; the order of hidden units hides likeness, so look at the matched cosine and compare it with chance. Cosines near 1 in all pairs mean that the mixture was made of copies. Close router rows compete for the same tokens. A router rank far below the number of experts means that several experts cannot be told apart by it. How often an expert is used only data show.',
  source: [
    {
      title:
        'DeepSeekMoE: Towards Ultimate Expert Specialization in Mixture-of-Experts Language Models (Dai et al. 2024)',
      link: 'https://arxiv.org/abs/2401.06066',
    },
    {
      title: 'Sparsely Activated Mixture-of-Experts are Robust Multi-Task Learners (Gupta et al. 2022)',
      link: 'https://arxiv.org/abs/2204.07689',
    },
    {
      title:
        'Eliciting and Understanding Cross-Task Skills with Task-Level Mixture-of-Experts (Ye et al. 2022)',
      link: 'https://arxiv.org/abs/2205.12701',
    },
    {
      title:
        'JiuZhang 2.0: A Unified Chinese Pre-trained Language Model for Multi-task Mathematical Problem Solving (Zhao et al. 2023)',
      link: 'https://arxiv.org/abs/2306.11027',
    },
    {
      title:
        'One Model, Multiple Modalities: A Sparsely Activated Approach for Text, Sound, Image, Video and Code (Dai et al. 2022)',
      link: 'https://arxiv.org/abs/2205.06126',
    },
    {
      title: 'TAME: Task Agnostic Continual Learning using Multiple Experts (Zhu et al. 2022)',
      link: 'https://arxiv.org/abs/2210.03869',
    },
    {
      title:
        'A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems (Jonker, Volgenant 1987)',
      link: 'https://doi.org/10.1007/BF02278710',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: false, parts: ['experts'] },
  parameters: [
    {
      name: 'match_neurons',
      title: 'Match up to so many hidden units',
      help: 'Hidden units are matched in experts with at most so many; 0 never. The time grows with the cube, for every two experts.',
      type: 'number',
      default: 128,
      minimum: 0,
      integer: true,
    },
    {
      name: 'overlap_rank',
      title: 'Rank for shared experts',
      help: 'Compares the first so many singular directions of shared and routed down-projections; 0 leaves it out. One SVD per expert.',
      type: 'number',
      default: 0,
      minimum: 0,
      integer: true,
    },
  ],
};

/** Experts of mixtures against each other, in the base and in every dense task. */
export const experts: Lens = {
  description,
  async run(study, parameters, context) {
    const found = expertModels(study);
    if (!found.ok) return found;
    const { models, findings } = found.value;
    const geometry = await expertGeometry(models, partOf(context, 0, 0.4));
    if (!geometry.ok) return geometry;
    const { layers } = geometry.value;
    const neurons = Number(parameters['match_neurons'] ?? 128);
    const matched = await matchedLayers(layers, neurons, partOf(context, 0.4, 0.8));
    if (!matched.ok) return matched;
    const changes = await changesOf(models, layers, partOf(context, 0.8, 0.9));
    if (!changes.ok) return changes;
    const rank = Number(parameters['overlap_rank'] ?? 0);
    const overlaps = rank > 0 ? await sharedOverlaps(layers, rank, partOf(context, 0.9, 1)) : success([]);
    if (!overlaps.ok) return overlaps;
    const figures = layers.map((layer, index): LayerFigures => ({
      ...layer,
      matched: matched.value[index] ?? null,
      changes: changes.value.shares[index] ?? [],
    }));
    const drawn = drawnLayers(figures);
    const unmatched = neurons > 0 ? matched.value.filter((each) => each === null).length : 0;
    const read = matched.value.reduce((sum, each) => sum + (each?.bytesRead ?? 0), 0);
    return success({
      artifacts: [
        ...expertNotes(drawn, unmatched),
        ...layerMaps(drawn),
        ...pairMaps(drawn),
        layerTable(drawn),
        expertTable(drawn),
        expertPairTable(drawn),
        ...sharedTable(overlaps.value, rank),
      ],
      findings: [...findings, ...layers.flatMap(notFinite)],
      bytesRead: geometry.value.bytesRead + changes.value.bytesRead + read,
    });
  },
};

/** Experts with NaN or infinities have no cosines; the rest of the layer has. */
function notFinite({ model, layer, experts: gram }: LayerGeometry): Finding[] {
  const odd = layer.experts.filter((_, at) => normOf(gram, at) === null);
  const [first] = odd;
  if (!first) return [];
  const which = odd.length === 1 ? first.label : `${wholeText(odd.length)} experts`;
  const message = `${model.name}: ${layer.label}: ${which} cannot be compared because of NaN or infinities.`;
  return [
    modelFinding('task-tensor-not-finite', model.checkpoint.path, message, first.weights[0]?.entry.name),
  ];
}

async function matchedLayers(
  layers: readonly LayerGeometry[],
  neurons: number,
  context: LensContext,
): Promise<Result<(MatchedLayer | null)[]>> {
  const matched: (MatchedLayer | null)[] = [];
  for (const [index, { layer }] of layers.entries()) {
    context.progress(index / layers.length, 'Matching hidden units');
    if (!canBeMatched(layer, neurons, context.memoryBudget)) {
      matched.push(null);
      continue;
    }
    const result = await matchExperts(layer, context);
    if (!result.ok) return result;
    matched.push(result.value);
  }
  return success(matched);
}

/** ‖τ‖ / ‖θ₀‖ of every expert of the tasks, layer by layer; empty where the base has no such experts. */
async function changesOf(
  models: readonly ExpertModel[],
  layers: readonly LayerGeometry[],
  context: LensContext,
): Promise<Result<{ shares: (number | null)[][]; bytesRead: number }>> {
  const base = models.find(({ isBase }) => isBase);
  const pairs = layers.map(({ model, layer }) => {
    const other = model.isBase
      ? undefined
      : base?.layers.find(({ container }) => container === layer.container);
    return other ? expertGroups(other, layer) : [];
  });
  const read = await readGroups(pairs.flat(2), false, context);
  if (!read.ok) return read;
  let at = 0;
  const shares = pairs.map((experts) =>
    experts.map((groups) => {
      const sums = read.value.sums.slice(at, at + groups.length);
      at += groups.length;
      const delta = sums.reduce((sum, { tasks }) => sum + (tasks[0]?.deltaSquares ?? NaN), 0);
      const before = sums.reduce((sum, { baseSquares }) => sum + baseSquares, 0);
      return before > 0 && Number.isFinite(delta) ? Math.sqrt(delta / before) : null;
    }),
  );
  return success({ shares, bytesRead: read.value.bytesRead });
}

/** The weights of every expert of a task beside those of the base; none for an expert that the base has in another shape. */
function expertGroups(base: ExpertLayer, layer: ExpertLayer): TensorGroup[][] {
  return layer.experts.map(({ number, weights }) => {
    const own = base.experts.find((expert) => expert.number === number)?.weights ?? [];
    const groups = weights.flatMap(({ part, span }) => {
      const weight = own.find((each) => each.part === part);
      if (!weight || weight.span.shape.join() !== span.shape.join()) return [];
      const delta = { kind: 'dense' as const, span };
      return [{ base: { name: weight.entry.name, span: weight.span }, members: [{ task: 0, delta }] }];
    });
    return groups.length === weights.length ? groups : [];
  });
}
