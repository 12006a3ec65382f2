import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import type { Lens } from './lens';
import { checkNeeds, checkTaskVectors } from './needs';
import { readSpectra } from './spectra';
import { spectrumCurves } from './spectrum-curves';
import { rankEnergyHeatmaps, spectrumHeatmaps } from './spectrum-heatmaps';
import { rankAdvice } from './spectrum-notes';
import { layerRankTable, spectraTable } from './spectrum-tables';
import { deltaMatrices, weightMatrices, type StudyMatrices } from './study-matrices';
import { chosenTensors, TENSORS_PARAMETER } from './tensor-filter';

const description: LensDescription = {
  id: 'spectrum',
  version: 2,
  title: 'How many ranks does it use?',
  summary:
    'Gives the singular values of every weight change (or weight) and what they say: how low its rank is, which rank would be enough, and which ranks of an adapter are dead.',
  formula:
    'stable rank ‖τ‖_F²/σ₁²;  effective rank exp(−Σ p ln p), p = σ/Σσ;  rank@q = smallest k with Σ_{i≤k} σ² ≥ q Σσ²;  α = 1 + n/Σ ln(σᵢ²/σ_min²);  noise edge s(√m + √n), of an adapter σ_med (1 + √(r/m))(1 + √(r/n))',
  reading:
    'A low effective rank against the allotted one means that a smaller r would do; one near it means that the adapter is full. The rank for 95 % of the energy is what a truncated copy needs. Singular values above the noise edge are structure, those below look like noise. An α between 2 and 4 is common for well-trained weights; it says little about a task vector. Redundant ranks of an adapter live, but hold less than 1 % of the energy together; what is above the random edge is more than a product of random factors of that strength would have. Energy is not accuracy: check before cutting.',
  source: [
    {
      title:
        'Each Rank Could be an Expert: Single-Ranked Mixture of Experts LoRA for Multi-Task Learning (Zhao et al. 2025)',
      link: 'https://arxiv.org/abs/2501.15103',
    },
    {
      title: 'Intuition-aware Mixture-of-Rank-1-Experts for Parameter Efficient Finetuning (Liu et al. 2024)',
      link: 'https://arxiv.org/abs/2404.08985',
    },
    {
      title: 'Incremental Task Learning with Incremental Rank Updates (Hyder et al. 2022)',
      link: 'https://arxiv.org/abs/2207.09074',
    },
    {
      title: 'In-Context LoRA for Diffusion Transformers (Huang et al. 2024)',
      link: 'https://arxiv.org/abs/2410.23775',
    },
    {
      title:
        'Rep-MTL: Unleashing the Power of Representation-level Task Saliency for Multi-Task Learning (Wang et al. 2025)',
      link: 'https://arxiv.org/abs/2507.21049',
    },
    {
      title:
        'Learning to Compress: Local Rank and Information Compression in Deep Neural Networks (Patel, Shwartz-Ziv 2024)',
      link: 'https://arxiv.org/abs/2410.07687',
    },
    {
      title: 'Power-law distributions in empirical data (Clauset, Shalizi, Newman 2009)',
      link: 'https://arxiv.org/abs/0706.1062',
    },
    {
      title: 'Implicit Self-Regularization in Deep Neural Networks (Martin, Mahoney 2021)',
      link: 'https://arxiv.org/abs/1810.01075',
    },
    {
      title: 'Local operator theory, random matrices and Banach spaces (Davidson, Szarek 2001)',
      link: 'https://doi.org/10.1016/S1874-5849(01)80010-3',
    },
    {
      title: 'The Optimal Hard Threshold for Singular Values is 4/√3 (Gavish, Donoho 2014)',
      link: 'https://arxiv.org/abs/1305.5870',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true },
  parameters: [
    {
      name: 'of',
      title: 'Spectrum of',
      help: 'The task vectors τ = θ − θ₀ (or s·B·A), or the weights θ of base and tasks themselves.',
      type: 'choice',
      default: 'delta',
      choices: [
        { value: 'delta', title: 'what training changed (τ)' },
        { value: 'weights', title: 'the weights (θ)' },
      ],
    },
    TENSORS_PARAMETER,
    {
      name: 'curves',
      title: 'Curves',
      help: 'Draw the spectra of this many tensors, those with the largest norm.',
      type: 'number',
      default: 12,
      minimum: 0,
      maximum: 200,
      integer: true,
    },
  ],
};

/** Singular values of τ or θ, tensor by tensor, and the rank numbers that follow. */
export const spectrum: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const all = matricesOf(study, parameters['of'] === 'weights');
    if (!all.ok) return all;
    const chosen = chosenTensors(all.value.matrices, parameters);
    if (!chosen.ok) return chosen;
    const { names, vectors } = all.value;
    const read = await readSpectra(study, { names, matrices: chosen.value }, context);
    if (!read.ok) return read;
    const { spectra, findings } = read.value;
    const curves = typeof parameters['curves'] === 'number' ? parameters['curves'] : 12;
    const artifacts: Artifact[] = [
      rankAdvice(names, spectra),
      ...spectrumHeatmaps(names, spectra),
      ...rankEnergyHeatmaps(names, spectra),
      ...spectrumCurves(names, spectra, curves),
      spectraTable(names, spectra, vectors),
      layerRankTable(names, spectra),
    ];
    const bytesRead = chosen.value.reduce((sum, { bytes }) => sum + bytes, 0);
    return success({ artifacts, findings, bytesRead });
  },
};

/** Fails with `lens-needs-base`, `lens-needs-tasks`, `no-task-vector`, or `no-matrix` where everything has fewer than two dimensions. */
function matricesOf(study: Study, weights: boolean): Result<StudyMatrices> {
  if (!weights && study.base === null && study.tasks.every(({ deltas }) => deltas.size === 0)) {
    return failure({
      code: 'lens-needs-base',
      message: `The spectrum of a task vector compares with a base, and the study "${study.spec.name}" has none.`,
      action:
        'Choose the base: "Deltalens: Select as Base", or --base on the command line. Or set the parameter "of" to "weights".',
    });
  }
  if (!weights && study.tasks.length === 0) {
    return failure({
      code: 'lens-needs-tasks',
      message: `The spectrum of a task vector needs a task, and the study "${study.spec.name}" has none.`,
      action: 'Add a fine-tuned checkpoint or an adapter, or set the parameter "of" to "weights".',
    });
  }
  const something = weights ? success(null) : checkTaskVectors(study);
  if (!something.ok) return something;
  const matrices = weights ? weightMatrices(study) : deltaMatrices(study);
  if (matrices.matrices.length > 0) return success(matrices);
  return failure({
    code: 'no-matrix',
    message: `No tensor of "${study.spec.name}" has two dimensions or more, so there is no spectrum.`,
    action: 'Choose checkpoints with weight matrices.',
  });
}
