import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import type { Lens } from './lens';
import { memoryLayerArtifacts } from './memory-layer-artifacts';
import { readMemories } from './memory-layer-models';
import { checkNeeds } from './needs';

const description: LensDescription = {
  id: 'memory',
  version: 1,
  title: 'What is in a memory, and which slots changed?',
  summary:
    'Looks into memory layers with product keys, single-neuron experts and codebooks: sub-keys that are the same, dead keys and slots, how sizes are spread, and which slots fine-tuning wrote.',
  formula:
    'slot (i, j): q₁·K₁[i] + q₂·K₂[j];  cos(Kₕ[i], Kₕ[j]);  dead: ‖row‖ ≤ 10⁻³ · median;  changed: ‖τ_row‖ > 10⁻⁶ · ‖θ₀_row‖;  perplexity = exp(−Σ p ln p) of the stored counts',
  reading:
    'Sub-keys with a cosine near 1 select the same slots: capacity is lost. Dead keys and slots were never used or have decayed. After fine-tuning a sparse and scattered map of changed slots is what memories are for: little else is disturbed. Stripes say that one sub-key took everything. A perplexity of a codebook far below its number of entries means that most are not used. How often slots are read on your data only a run shows.',
  source: [
    {
      title: 'Large Memory Layers with Product Keys (Lample et al. 2019)',
      link: 'https://arxiv.org/abs/1907.05242',
    },
    { title: 'Memory Layers at Scale (Berges et al. 2024)', link: 'https://arxiv.org/abs/2412.09764' },
    { title: 'Mixture of A Million Experts (He 2024)', link: 'https://arxiv.org/abs/2407.04153' },
    {
      title: 'Discrete Key-Value Bottleneck (Träuble et al. 2023)',
      link: 'https://arxiv.org/abs/2207.11240',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, parts: ['memory'], factored: false },
  parameters: [],
};

/** Product-key memories and codebooks of the base and of every task. */
export const memory: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const read = await readMemories(study, context);
    if (!read.ok) return read;
    const { models, findings, bytesRead } = read.value;
    return success({ artifacts: memoryLayerArtifacts(models), findings, bytesRead });
  },
};
