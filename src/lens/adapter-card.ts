import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { cardAdvice, cardNote, overviewTable, type AdapterCard } from './adapter-card-notes';
import { consumerTable } from './adapter-consumers';
import { healthOf } from './adapter-health';
import { adapterNorms } from './adapter-norms';
import { sizeParts, sizeTable } from './adapter-size';
import { adapterTasks } from './adapter-tasks';
import { cardTargets, targetHeatmaps, targetTable } from './adapter-targets';
import { trainingFacts, trainingTable } from './adapter-training';
import type { Lens } from './lens';
import { checkNeeds } from './needs';

const description: LensDescription = {
  id: 'adapter-card',
  version: 1,
  title: 'What is this adapter?',
  summary:
    'One page per adapter: what it is, where it changes the base and how strongly, what takes its space, how it was trained, whether it is sound, and which programs load it.',
  formula:
    '‖ΔW‖² = s² Σ (BᵀB) ∘ (AAᵀ), from the factors;  relative = ‖ΔW‖ / ‖W₀‖;  s = α/r, for rsLoRA α/√r, with the patterns of the configuration',
  reading:
    'Begin with the state: an adapter that does nothing, or is applied in part, needs no further look. A relative norm of a few per cent is usual; one near 1 means that the adapter replaces the weight rather than adapts it, mostly by too large an alpha. Layers that stand out carry the task. Without a base the norms have nothing to be compared with. The programs are judged by names, kinds and configuration, not by running them. With several adapters the tables of each have its name behind a colon (targets:NAME).',
  source: [
    {
      title: 'LoRA: Low-Rank Adaptation of Large Language Models (Hu et al. 2022)',
      link: 'https://arxiv.org/abs/2106.09685',
    },
    {
      title: 'A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA (Kalajdzievski 2023)',
      link: 'https://arxiv.org/abs/2312.03732',
    },
    {
      title: 'DoRA: Weight-Decomposed Low-Rank Adaptation (Liu et al. 2024)',
      link: 'https://arxiv.org/abs/2402.09353',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 1 }, parts: ['adapter'], factored: true },
  parameters: [],
};

/** The card of every adapter of a study. */
export const adapterCard: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const adapters = adapterTasks(study);
    if (!adapters.ok) return adapters;
    const norms = await adapterNorms(study, adapters.value, context);
    if (!norms.ok) return norms;
    const cards = adapters.value.map((task): AdapterCard => {
      const targets = cardTargets(task, norms.value.byTask.get(task.index) ?? new Map());
      return {
        task,
        targets,
        health: healthOf(task, targets, study.base !== null),
        size: sizeParts(task),
        training: trainingFacts(task),
      };
    });
    const artifacts: Artifact[] = [
      cardAdvice(cards, study.base !== null),
      ...cards.map((card) => cardNote(card, study.base !== null)),
      overviewTable(cards),
      ...cards.flatMap(({ task, targets }) => targetHeatmaps(task.name, targets)),
      ...cards.flatMap((card) => tablesOf(card, cards.length > 1 ? `:${card.task.name}` : '')),
    ];
    const { findings, bytesRead } = norms.value;
    return success({ artifacts, findings, bytesRead });
  },
};

function tablesOf({ task, targets, size, training }: AdapterCard, suffix: string): Artifact[] {
  return [
    targetTable(task.name, targets, suffix),
    sizeTable(task.name, size, suffix),
    trainingTable(task.name, training, suffix),
    consumerTable(task, suffix),
  ];
}
