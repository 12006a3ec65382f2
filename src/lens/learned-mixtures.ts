import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import type { Lens } from './lens';
import { mixtureArtifacts } from './mixture-artifacts';
import { readMixtures } from './mixture-models';
import { checkNeeds } from './needs';

const description: LensDescription = {
  id: 'learned-mixtures',
  version: 1,
  title: 'What did a mixture learn to mix?',
  summary:
    'Reads the weights by which tasks share skills, adapters or layers: who uses what, how many skills are in use, which are dead or the same, and whether mixing still makes a difference.',
  formula:
    'Polytropon, MHR: g = σ(Z) / Σ_skills σ(Z);  effective skills = exp(−Σ g ln g);  ΔWₜ = (Σ g·B)ᵀ(Σ g·A)ᵀ / r;  routing = ‖ΔWₜ − ΔW_μ‖ / ‖ΔWₜ‖, ΔW_μ of equal weights;  losses: exp(−s);  layers: softmax',
  reading:
    'Near the number of skills, the effective number says that a task takes everything alike: routing then does nothing, and the mean adapter is as good (routing near 0). Near 1, every task has its own skill and nothing is shared. A skill whose usage is far below an equal share is dead, and two with a cosine near 1 are one. Cosines of tasks are of what the mixture adds to the weights, not of its weights. Gates that look at the input have no weights to read: their rows only say which experts answer to the same inputs.',
  source: [
    {
      title: 'Combining Parameter-efficient Modules for Task-level Generalisation (Ponti et al. 2023)',
      link: 'https://arxiv.org/abs/2202.13914',
    },
    {
      title: 'Multi-Head Adapter Routing for Cross-Task Generalization (Caccia et al. 2023)',
      link: 'https://arxiv.org/abs/2211.03831',
    },
    {
      title: 'AdapterFusion: Non-Destructive Task Composition for Transfer Learning (Pfeiffer et al. 2021)',
      link: 'https://arxiv.org/abs/2005.00247',
    },
    {
      title: 'X-LoRA: Mixture of Low-Rank Adapter Experts (Buehler, Buehler 2024)',
      link: 'https://arxiv.org/abs/2402.07148',
    },
    {
      title: 'Multi-Task Learning Using Uncertainty to Weigh Losses (Kendall et al. 2018)',
      link: 'https://arxiv.org/abs/1705.07115',
    },
    {
      title: 'AdaMerging: Adaptive Model Merging for Multi-Task Learning (Yang et al. 2024)',
      link: 'https://arxiv.org/abs/2310.02575',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 1 }, parts: ['mixture'], factored: true },
  parameters: [],
};

/** Skill allocations, fusions, gates, and weights of losses, layers and merges. */
export const learnedMixtures: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const read = await readMixtures(study, context);
    if (!read.ok) return read;
    const { models, findings, bytesRead } = read.value;
    return success({ artifacts: mixtureArtifacts(models), findings, bytesRead });
  },
};
