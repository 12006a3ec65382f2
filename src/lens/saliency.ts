import { attentionLayout, HEAD_PARAMETERS, type AttentionLayout } from '../model/attention';
import type { Study } from '../model/study';
import type { Artifact, Note } from '../protocol/artifact';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { AT_PARAMETER } from './gradients/fisher-models';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { channelTable, headMatrix, headTable } from './gradients/saliency-units';
import {
  saliencyHeatmaps,
  saliencyQuadrants,
  saliencyTable,
  type TaskSaliency,
} from './gradients/saliency-tensors';
import { atBase, atFineTune, taskGradients, withoutGradient } from './gradients/task-gradients';
import { weightSaliency } from './gradients/weight-saliency';
import type { Lens } from './lens';
import { namesText, percent } from './wording';

const description: LensDescription = {
  id: 'saliency',
  version: 1,
  title: 'What would the loss lose without a weight?',
  summary:
    'Multiplies every weight with its gradient: a first guess at what pruning a tensor, a head or a channel costs, laid over what fine-tuning moved.',
  formula:
    'gradient × weight = Σ θ·g,  Taylor = (Σ θ·g)² over a unit,  SNIP = Σ|θ·g| / Σ over all weights,  with g = (1/N) Σₙ ∂L(xₙ, yₙ)/∂θ',
  reading:
    'SNIP says how much of the whole sensitivity a tensor has; the mean per weight is what to compare between tensors of different sizes. Taylor takes a unit (a head, a channel) as one: contributions of opposite signs cancel, as they do when it is removed. Units with small figures are candidates for pruning. Gradient × weight above 0: the loss would rise if the tensor grew, and fall at first if it shrank. In the picture of what moved and what matters, tensors that matter and hardly moved carry what the task took over from the base; those that moved and hardly matter are the first to reset.',
  source: [
    {
      title:
        'SNIP: Single-shot Network Pruning based on Connection Sensitivity (Lee et al. 2019), connection sensitivity',
      link: 'https://arxiv.org/abs/1810.02340',
    },
    {
      title:
        'Importance Estimation for Neural Network Pruning (Molchanov et al. 2019), first-order criterion of a group',
      link: 'https://arxiv.org/abs/1906.10771',
    },
    {
      title: 'Are Sixteen Heads Really Better than One? (Michel et al. 2019)',
      link: 'https://arxiv.org/abs/1905.10650',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER, AT_PARAMETER, ...HEAD_PARAMETERS],
};

/** Weight × gradient of every task by tensor, head and channel. */
export const saliency: Lens = {
  description,
  async run(study, parameters, context) {
    const base = parameters['at'] === 'base';
    const where = base ? atBase : atFineTune;
    const found = await taskGradients(study, description, parameters, context, where);
    if (!found.ok) return found;
    const { tasks, network } = found.value;
    const layout = headsOf(study, parameters);
    const salient: TaskSaliency[] = [];
    for (const { task, model, gradients } of tasks) {
      const own = await weightSaliency(
        study,
        gradients,
        base ? null : model,
        layout?.blocks ?? [],
        context.signal,
      );
      if (!own.ok) return own;
      salient.push({ task, saliency: own.value });
    }
    const place = base ? 'At the base' : 'At the fine-tunes';
    const caption = `${place}. ${found.value.caption} Proxy: first order, and SNIP is meant for networks before training.`;
    const artifacts: Artifact[] = [
      advice(salient),
      ...withoutGradient(tasks),
      ...salient.flatMap((each) => saliencyHeatmaps(each, caption)),
      ...(base ? [] : salient.flatMap((each) => saliencyQuadrants(each, caption))),
      ...salient.flatMap((each) => headMatrix(each, caption)),
      saliencyTable(salient, caption),
      ...headTable(salient),
      channelTable(salient),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

/** Networks without attention, or without a known number of heads, are shown without heads. */
function headsOf({ base, architecture }: Study, parameters: ParameterValues): AttentionLayout | null {
  if (base === null) return null;
  const layout = attentionLayout(base, architecture, {
    heads: Number(parameters['heads'] ?? 0),
    keyValueHeads: Number(parameters['key_value_heads'] ?? 0),
  });
  return layout.ok ? layout.value : null;
}

const NAMED = 3;

function advice(tasks: readonly TaskSaliency[]): Note {
  const lines = tasks.map(({ task, saliency: { tensors, heads } }) => {
    const all = tensors.reduce((sum, { absolute }) => sum + absolute, 0) || 1;
    const strong = tensors.toSorted((x, y) => y.absolute - x.absolute).slice(0, NAMED);
    const named = strong.map(({ tensor, absolute }) => `${tensor} (${percent(absolute / all)})`);
    const weak = heads
      .flatMap(({ block, heads: sums }) =>
        sums.map((sum, head) => ({ name: `${block.label} head ${String(head)}`, size: Math.abs(sum) })),
      )
      .toSorted((x, y) => x.size - y.size)
      .slice(0, NAMED)
      .map(({ name }) => name);
    const prune = weak.length > 0 ? ` Heads to try to prune first: ${namesText(weak, NAMED)}.` : '';
    return `${task}: the loss leans most on ${named.join(', ')}.${prune}`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'What the loss leans on',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: first order only: at a minimum of the loss all of it would be 0, and removing several units is more than the sum of them. Check by leaving a unit out before you ship.',
    ].join('\n'),
  };
}
