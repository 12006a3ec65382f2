import { activationTaskVectors } from './activation-task-vectors';
import { adapterCard } from './adapter-card';
import { adapterLibrary } from './adapter-library';
import { adapterMergeGap } from './adapter-merge-gap';
import { adapterRouting } from './adapter-routing';
import { attentionPatterns } from './attention-patterns';
import { blockInfluence } from './block-influence';
import { cka } from './cka';
import { coefficientSaliency } from './coefficient-saliency';
import { conceptDepth } from './concept-depth';
import { dataMap } from './data-map';
import { deltaProfile } from './delta-profile';
import { embeddingDrift } from './embedding-drift';
import { experts } from './experts';
import { featureMatching } from './feature-matching';
import { fimScore } from './fim-score';
import { fisher } from './fisher';
import { gradientConflict } from './gradient-conflict';
import { headComposition } from './head-composition';
import { headMap } from './head-map';
import { headRank } from './head-rank';
import { headSharing } from './head-sharing';
import { hypernetwork } from './hypernetwork';
import { interference } from './interference';
import { keyRank } from './key-rank';
import { kvRedundancy } from './kv-redundancy';
import { layerInformation } from './layer-information';
import { learnedMixtures } from './learned-mixtures';
import type { Lens } from './lens';
import { localRank } from './local-rank';
import { logitDelta } from './logit-delta';
import { magnitudeBands } from './magnitude-bands';
import { prompts } from './prompts';
import { rankAtoms } from './rank-atoms';
import { memory } from './memory';
import { memoryBudget } from './memory-budget';
import { mergeGap } from './merge-gap';
import { nestedness } from './nestedness';
import { neurons } from './neurons';
import { oneBit } from './one-bit';
import { routerUsage } from './router-usage';
import { saliency } from './saliency';
import { salientChannels } from './salient-channels';
import { sharpness } from './sharpness';
import { signConflict } from './sign-conflict';
import { sourceAttribution } from './source-attribution';
import { spectrum } from './spectrum';
import { subspaceAlignment } from './subspace-alignment';
import { summary } from './summary';
import { tallMasks } from './tall-masks';
import { taskEmbedding } from './task-embedding';
import { taskSaliency } from './task-saliency';
import { taskSimilarity } from './task-similarity';
import { taskTree } from './task-tree';
import { trajectory } from './trajectory';
import { transfer } from './transfer';
import { twin } from './twin';
import { unitImportance } from './unit-importance';

/** Every lens, in the order in which lists offer them. The palette, the command line, the forms and the docs are made from this. */
export const LENSES: readonly Lens[] = [
  summary,
  deltaProfile,
  taskSimilarity,
  taskTree,
  sourceAttribution,
  mergeGap,
  trajectory,
  spectrum,
  adapterCard,
  adapterLibrary,
  adapterMergeGap,
  rankAtoms,
  prompts,
  learnedMixtures,
  memory,
  hypernetwork,
  memoryBudget,
  subspaceAlignment,
  twin,
  headComposition,
  signConflict,
  tallMasks,
  magnitudeBands,
  oneBit,
  headRank,
  experts,
  embeddingDrift,
  nestedness,
  headSharing,
  kvRedundancy,
  cka,
  blockInfluence,
  layerInformation,
  localRank,
  conceptDepth,
  salientChannels,
  neurons,
  attentionPatterns,
  keyRank,
  headMap,
  featureMatching,
  activationTaskVectors,
  transfer,
  logitDelta,
  routerUsage,
  adapterRouting,
  fisher,
  fimScore,
  gradientConflict,
  coefficientSaliency,
  interference,
  sharpness,
  unitImportance,
  taskEmbedding,
  taskSaliency,
  saliency,
  dataMap,
];

/** The lens of that id, if there is one. */
export function lensById(id: string): Lens | undefined {
  return LENSES.find(({ description }) => description.id === id);
}
