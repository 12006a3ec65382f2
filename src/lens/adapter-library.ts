import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { adapterTasks } from './adapter-tasks';
import { libraryArtifacts } from './library-artifacts';
import { librarySums } from './library-sums';
import type { Lens } from './lens';
import { modelClusters, PUBLISHED_CLUSTERS, type ModelClusters } from './model-based-clustering';
import { comparedStudy } from './needs';
import { partOf } from './progress-part';

const description: LensDescription = {
  id: 'adapter-library',
  version: 1,
  title: 'How do my adapters relate?',
  summary:
    'Compares all adapters of a library by what they do to the base: cosines, clusters, near-duplicates, outliers, a diverse shortlist, and how well a router could tell them apart.',
  formula:
    'cos(ΔWᵢ, ΔWⱼ), ⟨ΔWᵢ, ΔWⱼ⟩ = sᵢsⱼ Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ);  Arrow: mean over matrices of |vᵢ·vⱼ|, v = first right singular vector of ΔW;  MBC: k-means on the rows of cos(TruncatedSVD₆₄(x · 1[|x| ≥ q₀.₈]))',
  reading:
    'A cosine above 0.98 is a near-duplicate: keep one. Groups are of the exact ΔW. Clusters are MBC as published, which looks at A and B as stored and not at ΔW: the same ΔW in other factors counts as different, and adapters from one initialisation look alike because of their A. Where the two disagree, trust the groups. MBC feeds the cosine matrix, not the embeddings, to k-means. Arrow cosines near 1: a router without training cannot tell these adapters apart. An outlier points away from the others and is the first to leave out of a merge.',
  source: [
    {
      title: 'Towards Modular LLMs by Building and Reusing a Library of LoRAs (Ostapenko et al. 2024)',
      link: 'https://arxiv.org/abs/2405.11157',
    },
    {
      title:
        'Leveraging Open Knowledge for Advancing Task Expertise in Large Language Models (Yang et al. 2024)',
      link: 'https://arxiv.org/abs/2408.15915',
    },
    {
      title: 'Silhouettes: A graphical aid to the interpretation of cluster analysis (Rousseeuw 1987)',
      link: 'https://doi.org/10.1016/0377-0427(87)90125-7',
    },
  ],
  needs: {
    data: ['weights'],
    base: 'optional',
    tasks: { minimum: 2, maximum: 500 },
    parts: ['adapter'],
    factored: true,
  },
  parameters: [
    {
      name: 'clusters',
      title: 'Clusters of MBC',
      help: 'The k of k-means; 0 takes 10 as published, or half the adapters where there are fewer than 20.',
      type: 'number',
      default: 0,
      minimum: 0,
      maximum: 500,
      integer: true,
    },
    {
      name: 'mbc',
      title: 'Model-based clustering',
      help: 'Cluster as published, too; reads the factors twice more.',
      type: 'boolean',
      default: true,
    },
  ],
};

/** Exact cosines of the adapters of a library, and what follows of them. */
export const adapterLibrary: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const adapters = adapterTasks(study);
    if (!adapters.ok) return adapters;
    const sums = await librarySums(study, adapters.value, partOf(context, 0, 0.6));
    if (!sums.ok) return sums;
    const n = adapters.value.length;
    const wanted = Number(parameters['clusters'] ?? 0);
    const k = wanted > 0 ? wanted : Math.min(PUBLISHED_CLUSTERS, Math.max(1, Math.floor(n / 2)));
    let clusters: ModelClusters = { kind: 'none', reason: 'MBC was not asked for.' };
    if (parameters['mbc'] !== false) {
      const found = await modelClusters(adapters.value, k, partOf(context, 0.6, 1));
      if (!found.ok) return found;
      clusters = found.value;
    }
    const { findings, bytesRead } = sums.value;
    return success({
      artifacts: libraryArtifacts(adapters.value.map(({ name }) => name), sums.value, clusters),
      findings,
      bytesRead: bytesRead + (clusters.kind === 'clusters' ? clusters.bytesRead : 0),
    }); // prettier-ignore
  },
};
