import { HEAD_PARAMETERS } from '../model/attention';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { foldText, FOLD_PARAMETER } from './head-captions';
import { compareHeads, type ComparisonOptions } from './head-comparison';
import { headModels } from './head-models';
import { HeadReader } from './head-reading';
import { sharingArtifacts, type ComparedModel } from './head-sharing-artifacts';
import type { Lens } from './lens';
import { checkNeeds } from './needs';

const description: LensDescription = {
  id: 'head-sharing',
  version: 1,
  title: 'Which attention heads could share their weights?',
  summary:
    'Compares all attention heads of all layers with each other and proposes which could take the weights of another, and what that saves.',
  formula:
    'cos([W_Q,i; W_K,i], [W_Q,j; W_K,j]);  |⟨W_i, W_j⟩_F| / (‖W_i‖‖W_j‖) for W_QK and W_OV;  1 − Σᵢσ₁²/Σ‖W_h‖² for W_h ≈ diag(s_h)·W̄',
  reading:
    'Unrelated heads are at 0; only cosines near 1 make good candidates. A pair that is alike by |cos| of W_QK but not by the weights does the same in another basis: it can share, too, after a change of basis (not with rotary positions). Read the plan from the top and stop where the cosines fall off.',
  source: [
    {
      title: 'Head-wise Shareable Attention for Large Language Models (Cao et al. 2024)',
      link: 'https://arxiv.org/abs/2402.11819',
    },
    {
      title:
        'Pit One Against Many: Leveraging Attention-head Embeddings for Parameter-efficient Multi-head Attention (Xue, Aletras 2023)',
      link: 'https://arxiv.org/abs/2310.07911',
    },
    {
      title: 'Fast Transformer Decoding: One Write-Head is All You Need (Shazeer 2019)',
      link: 'https://arxiv.org/abs/1911.02150',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true, parts: ['attention'] },
  parameters: [
    {
      name: 'ratio',
      title: 'Share of heads to tie',
      help: 'Which share of all heads the plan lets take the weights of another.',
      type: 'number',
      default: 0.2,
      minimum: 0,
      maximum: 1,
    },
    {
      name: 'operators',
      title: 'Compare W_QK and W_OV',
      help: 'Also compare what heads compute, whatever their basis; takes heads² · head size² · hidden multiplications.',
      type: 'choice',
      default: 'auto',
      choices: [
        { value: 'auto', title: 'Where it takes minutes' },
        { value: 'always', title: 'Always' },
        { value: 'never', title: 'Never' },
      ],
    },
    FOLD_PARAMETER,
    ...HEAD_PARAMETERS,
  ],
};

/** Similarity of heads and a plan for sharing them, of the base and of each task; cross-attention is left out. */
export const headSharing: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const found = headModels(study, parameters);
    if (!found.ok) return found;
    const { models, architecture } = found.value;
    const reader = new HeadReader(architecture, context);
    const options: ComparisonOptions = {
      fold: parameters['fold_gain'] === true,
      operators: String(parameters['operators']),
      folded: [],
    };
    const compared: ComparedModel[] = [];
    for (const [index, model] of models.entries()) {
      const progress = (share: number) => {
        context.progress((index + share) / models.length, `${model.name}: comparing heads`);
      };
      const result = await compareHeads(model, reader, options, context, progress);
      if (!result.ok) return result;
      compared.push(result.value);
    }
    const order = 'Self-attention only, blocks in network order.';
    const captions = {
      raw: `Weights as stored, without the gain of the norm before them. ${order}`,
      folded: `${foldText(options.fold, options.folded, architecture)} ${order}`,
    };
    return success({
      artifacts: sharingArtifacts(compared, Number(parameters['ratio']), captions),
      findings: [...found.value.findings, ...reader.findings],
      bytesRead: reader.bytesRead,
    });
  },
};
