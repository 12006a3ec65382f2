import { HEAD_PARAMETERS } from '../model/attention';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { foldText, FOLD_PARAMETER } from './head-captions';
import { headModels } from './head-models';
import { rankArtifacts, type HeadFigures, type RankedModel } from './head-rank-artifacts';
import { circuitFigures } from './head-rank-figures';
import { blockProgress, HeadReader } from './head-reading';
import { foldGain, ovCircuit, qkCircuit, type HeadWeights } from './head-weights';
import type { Lens } from './lens';
import { checkNeeds } from './needs';
import { pause } from './pause';

const description: LensDescription = {
  id: 'head-rank',
  version: 1,
  title: 'How much of its size does an attention head use?',
  summary:
    'Gives rank, sharpness and copying of every attention head, and names heads that their size limits or that waste it.',
  formula:
    'W_QK = W_Qᵀ·W_K,  W_OV = W_O·W_V, both of rank ≤ d_h;  rank@99 ÷ d_h;  exp(−Σ p ln p), p = σ/Σσ;  ‖W_QK‖₂/√d_h;  tr W/(√hidden·‖W‖_F);  Σλ/Σ|λ|',
  reading:
    'Saturation near 1 means that the head size limits the head (random weights are near it, too); far below 1 it is wasted. A large logit scale means attention that can become very sharp. Copying near 1 marks heads that pass on what they attend to. Compare the heads of a layer with each other, and a task with its base, rather than with fixed numbers.',
  source: [
    {
      title: 'Low-Rank Bottleneck in Multi-head Attention Models (Bhojanapalli et al. 2020)',
      link: 'https://arxiv.org/abs/2002.07028',
    },
    {
      title:
        'What can a Single Attention Layer Learn? A Study Through the Random Features Lens (Fu et al. 2023)',
      link: 'https://arxiv.org/abs/2307.11353',
    },
    {
      title:
        'Selective Attention: Enhancing Transformer through Principled Context Control (Zhang et al. 2024)',
      link: 'https://arxiv.org/abs/2411.12892',
    },
    {
      title: 'A Mathematical Framework for Transformer Circuits (Elhage et al. 2021)',
      link: 'https://transformer-circuits.pub/2021/framework/index.html',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true, parts: ['attention'] },
  parameters: [
    {
      name: 'saturated',
      title: 'Saturated from',
      help: 'From which share of the head size on a head counts as limited by it.',
      type: 'number',
      default: 0.95,
      minimum: 0,
      maximum: 1,
    },
    {
      name: 'wasted',
      title: 'Wasted up to',
      help: 'Up to which share of the head size a head counts as wasting it.',
      type: 'number',
      default: 0.5,
      minimum: 0,
      maximum: 1,
    },
    FOLD_PARAMETER,
    ...HEAD_PARAMETERS,
  ],
};

/** Rank and kin of W_QK and W_OV of every head, of the base and of each task. */
export const headRank: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const found = headModels(study, parameters);
    if (!found.ok) return found;
    const { models, architecture } = found.value;
    const reader = new HeadReader(architecture, context);
    const progress = blockProgress(
      models.map(({ layout }) => layout.blocks),
      context,
    );
    const fold = parameters['fold_gain'] === true;
    const folded: boolean[] = [];
    const ranked: RankedModel[] = [];
    for (const model of models) {
      const { blocks } = model.layout;
      const figures: (readonly HeadFigures[] | null)[] = [];
      for (const block of blocks) {
        const read = await reader.read(model, block);
        if (!read.ok) return read;
        progress(`${model.name}: ${block.label}`);
        if (read.value) {
          const { weights, gain } = read.value;
          folded.push(gain !== null);
          figures.push(await headFigures(fold ? foldGain(weights, gain) : weights));
        } else figures.push(null);
      }
      ranked.push({ name: model.name, isBase: model.isBase, blocks, figures });
    }
    const thresholds = { saturated: Number(parameters['saturated']), wasted: Number(parameters['wasted']) };
    const caption = `${foldText(fold, folded, architecture)} Blocks in network order.`;
    return success({
      artifacts: rankArtifacts(ranked, thresholds, caption),
      findings: [...found.value.findings, ...reader.findings],
      bytesRead: reader.bytesRead,
    });
  },
};

async function headFigures(weights: HeadWeights): Promise<HeadFigures[]> {
  const figures: HeadFigures[] = [];
  for (let head = 0; head < weights.heads; head++) {
    await pause();
    figures.push({
      qk: circuitFigures(qkCircuit(weights, head)),
      ov: circuitFigures(ovCircuit(weights, head)),
    });
  }
  return figures;
}
