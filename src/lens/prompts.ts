import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import type { Lens } from './lens';
import { checkNeeds } from './needs';
import { partOf } from './progress-part';
import { promptArtifacts } from './prompt-artifacts';
import { readPrompts } from './prompt-models';
import { promptVocabulary } from './prompt-vocabulary';

const description: LensDescription = {
  id: 'prompts',
  version: 1,
  title: 'What do soft prompts say, and which are alike?',
  summary:
    'Compares soft prompts with each other and with the vocabulary: similarities that go with transfer, nearest tokens of every vector, lengths beside those of token embeddings, and vectors that say the same.',
  formula:
    'pooled = cos(mean pᵢ, mean qⱼ);  C_concat = cos(P, Q);  C_average = mean cos(pᵢ, qⱼ);  matched = max over one-to-one π of mean cos(pᵢ, q_π(i));  E_concat = 1 / (1 + ‖P − Q‖);  E_average = 1 / (1 + mean ‖pᵢ − qⱼ‖)',
  reading:
    'The order of the vectors of a prompt hardly matters to a network, so begin with the matched cosine; pooled and average lose what single vectors say. Prompts from one initialisation stay alike whatever they learnt, and prompts of other lengths have no concatenated cosine. Vectors far longer than token embeddings are usual for trained prompts, and then the nearest token says little: look at its cosine, below 0.3 it is hardly a neighbour. Positions with a cosine near 1 say the same twice: a shorter prompt would do. Similar prompts may share one, or start from one another; whether they transfer only a measurement tells.',
  source: [
    {
      title: 'The Power of Scale for Parameter-Efficient Prompt Tuning (Lester et al. 2021)',
      link: 'https://arxiv.org/abs/2104.08691',
    },
    {
      title: 'On Transferability of Prompt Tuning for Natural Language Processing (Su et al. 2022)',
      link: 'https://arxiv.org/abs/2111.06719',
    },
    {
      title: 'Multitask Vision-Language Prompt Tuning (Shen et al. 2024)',
      link: 'https://arxiv.org/abs/2211.11720',
    },
    {
      title: 'Learning to Prompt for Continual Learning (Wang et al. 2022)',
      link: 'https://arxiv.org/abs/2112.08654',
    },
    {
      title: 'Fine-tuning Image Transformers using Learnable Memory (Sandler et al. 2022)',
      link: 'https://arxiv.org/abs/2203.15243',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 1 }, parts: ['prompt'], factored: true },
  parameters: [],
};

/** Soft prompts against each other and against the vocabulary. */
export const prompts: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const read = await readPrompts(study, partOf(context, 0, 0.3));
    if (!read.ok) return read;
    const vocabulary = await promptVocabulary(study, read.value.prompts, partOf(context, 0.3, 1));
    if (!vocabulary.ok) return vocabulary;
    const { prompts: found, findings, bytesRead } = read.value;
    return success({
      artifacts: promptArtifacts(found, vocabulary.value, study.base !== null),
      findings,
      bytesRead: bytesRead + (vocabulary.value?.bytesRead ?? 0),
    });
  },
};
