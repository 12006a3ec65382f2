import { HEAD_PARAMETERS } from '../model/attention';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { CompositionBoard, headAxis } from './composition-board';
import { compositionArtifacts, type ComposedModel } from './composition-artifacts';
import { ResidualStream } from './composition-stream';
import { foldText, FOLD_PARAMETER } from './head-captions';
import { headModels, selfAttention, type HeadModel } from './head-models';
import { blockProgress, HeadReader } from './head-reading';
import { layerReader } from './head-readers';
import { foldGain } from './head-weights';
import type { Lens, LensContext } from './lens';
import { checkNeeds } from './needs';
import { wholeText } from './wording';

const description: LensDescription = {
  id: 'head-composition',
  version: 1,
  title: 'Which attention heads talk to each other?',
  summary:
    'Shows which later attention heads read what an earlier head writes, by comparing their weights with random directions.',
  formula:
    'W_OV = W_O·W_V = Σ σₖuₖvₖᵀ;  Q ‖W_QKᵀuₖ‖/‖W_QK‖,  K ‖W_QK·uₖ‖/‖W_QK‖,  V ‖W_OV·uₖ‖/‖W_OV‖ of a later head;  random direction: √E = 1/√hidden',
  reading:
    'A dark cell or a strong edge is a channel: the later head reads what the earlier one writes far better than chance. K- and Q-composition steer where the later head looks (an induction head shows as K-composition with a previous-token head), V-composition passes on what it copied. Values near 1 are no channel. The weights say what could be read, not what any input uses.',
  source: [
    {
      title:
        'Talking Heads: Understanding Inter-layer Communication in Transformer Language Models (Merullo et al. 2024)',
      link: 'https://arxiv.org/abs/2406.09519',
    },
    {
      title: 'Sparse Attention Decomposition Applied to Circuit Tracing (Franco, Crovella 2024)',
      link: 'https://arxiv.org/abs/2410.00340',
    },
    {
      title: 'A Mathematical Framework for Transformer Circuits (Elhage et al. 2021)',
      link: 'https://transformer-circuits.pub/2021/framework/index.html',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true, parts: ['attention'] },
  parameters: [
    {
      name: 'components',
      title: 'Components of each head',
      help: 'How many of the largest singular components of each W_OV are followed; 0 follows all. Time grows with it.',
      type: 'number',
      default: 4,
      minimum: 0,
      integer: true,
    },
    {
      name: 'strongest',
      title: 'Pairs shown',
      help: 'How many of the strongest pairs of heads the graph and the table show.',
      type: 'number',
      default: 60,
      minimum: 1,
      maximum: 5000,
      integer: true,
    },
    FOLD_PARAMETER,
    ...HEAD_PARAMETERS,
  ],
};

/** Composition of heads of the base and of each task; blocks of cross-attention are left out. */
export const headComposition: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const found = headModels(study, parameters);
    if (!found.ok) return found;
    const { models, architecture } = found.value;
    const reader = new HeadReader(architecture, context);
    const progress = blockProgress(models.map(selfAttention), context);
    const fold = parameters['fold_gain'] === true;
    const folded: boolean[] = [];
    const composed: ComposedModel[] = [];
    const most = Math.max(...models.flatMap(selfAttention).map(({ value }) => value.size));
    const wanted = Math.min(Number(parameters['components']) || most, most);
    const components = Math.min(wanted, ...models.map((model) => roomFor(model, context)));
    for (const model of models) {
      const axis = headAxis(selfAttention(model));
      const board = new CompositionBoard(axis, Number(parameters['strongest']));
      const stream = new ResidualStream(board, components, context.signal);
      for (const [index, block] of axis.blocks.entries()) {
        const read = await reader.read(model, block);
        if (!read.ok) return read;
        progress(`${model.name}: ${block.label}`);
        if (!read.value) continue;
        const { weights, gain } = read.value;
        folded.push(gain !== null);
        const prepared = layerReader(fold ? foldGain(weights, gain) : weights);
        const passed = await stream.pass(streamOf(block.layer), axis.starts[index] ?? 0, prepared);
        if (!passed.ok) return passed;
      }
      composed.push({ name: model.name, isBase: model.isBase, board });
    }
    const followed = componentsText(components, wanted, most);
    const caption = `${followed} ${foldText(fold, folded, architecture)} Self-attention only, blocks in network order.`;
    return success({
      artifacts: compositionArtifacts(composed, caption),
      findings: [...found.value.findings, ...reader.findings],
      bytesRead: reader.bytesRead,
    });
  },
};

/** Directions that all heads have written are held in half of the budget. */
function roomFor({ layout }: HeadModel, { memoryBudget }: LensContext): number {
  const perComponent = layout.blocks.reduce((sum, { heads, query }) => {
    const { entry, stored } = query;
    const hidden = (stored === 'out-in' ? entry.span.shape[1] : entry.span.shape[0]) ?? 1;
    return sum + heads * hidden * 8;
  }, 0);
  return Math.max(1, Math.floor(memoryBudget / 2 / perComponent));
}

/** Blocks whose names differ in the number of the layer alone share a residual stream. */
function streamOf(layer: string): string {
  return layer.slice(0, Math.max(0, layer.lastIndexOf('.')));
}

function componentsText(taken: number, wanted: number, most: number): string {
  if (taken === most) return 'All components of each W_OV are followed.';
  const cut = taken < wanted ? '; more do not fit into the memory budget' : '';
  return `Of each W_OV the ${wholeText(taken)} largest components are followed${cut}.`;
}
