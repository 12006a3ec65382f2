import { HEAD_PARAMETERS } from '../model/attention';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { FOLD_PARAMETER, foldText } from './head-captions';
import { headModels } from './head-models';
import { HeadReader } from './head-reading';
import { kvArtifacts } from './kv-artifacts';
import { keyValueModels } from './kv-models';
import type { Lens } from './lens';
import { checkNeeds } from './needs';
import { wholeText } from './wording';

const description: LensDescription = {
  id: 'kv-redundancy',
  version: 1,
  title: 'How much smaller could the key-value cache be?',
  summary:
    'Measures how alike key and value heads are inside a layer and across layers, and calculates what a smaller cache would save.',
  formula:
    'redundancy = 1 − Σ‖W_h − W̄‖²/Σ‖W_h‖²;  φ = ‖V₁V₂ᵀ‖²_F/min(k₁, k₂);  cache = 2 · layers · key-value heads · head size · bytes · tokens',
  reading:
    'Redundancy near 1 means that a mean of the heads loses little; n unrelated heads have 1/n. Overlap of neighbouring layers counts only where it is far above that of random spaces, which the table gives. Weights alone are pessimistic: inputs use few of the directions, so measured keys and values compress better.',
  source: [
    {
      title: 'Fast Transformer Decoding: One Write-Head is All You Need (Shazeer 2019)',
      link: 'https://arxiv.org/abs/1911.02150',
    },
    {
      title: 'Reducing Transformer Key-Value Cache Size with Cross-Layer Attention (Brandon et al. 2024)',
      link: 'https://arxiv.org/abs/2405.12981',
    },
    {
      title: 'Lossless KV Cache Compression to 2% (Yang et al. 2024)',
      link: 'https://arxiv.org/abs/2410.15252',
    },
    {
      title:
        'Streamlining the Collaborative Chain of Models into A Single Forward Pass in Generation-Based Tasks (Lyu et al. 2025)',
      link: 'https://arxiv.org/abs/2502.11083',
    },
    {
      title:
        'GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints (Ainslie et al. 2023)',
      link: 'https://arxiv.org/abs/2305.13245',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true, parts: ['attention'] },
  parameters: [
    {
      name: 'energy',
      title: 'Energy kept',
      help: 'Share of Σσ² that counts as the row space of a layer, and that a latent vector must keep.',
      type: 'number',
      default: 0.9,
      minimum: 0.01,
      maximum: 1,
    },
    {
      name: 'tokens',
      title: 'Tokens in the cache',
      help: 'Length of the context for which the cache is calculated.',
      type: 'number',
      default: 4096,
      minimum: 1,
      integer: true,
    },
    {
      name: 'bytes',
      title: 'Bytes per number',
      help: '2 for float16 and bfloat16, 1 for 8 bits.',
      type: 'number',
      default: 2,
      minimum: 0.125,
      maximum: 8,
    },
    FOLD_PARAMETER,
    ...HEAD_PARAMETERS,
  ],
};

/** Redundancy of keys and values in self-attention, of the base and of each task. */
export const kvRedundancy: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const found = headModels(study, parameters);
    if (!found.ok) return found;
    const { models, architecture } = found.value;
    const reader = new HeadReader(architecture, context);
    const fold = parameters['fold_gain'] === true;
    const options = {
      fold,
      energy: Number(parameters['energy']),
      // Rotary positions allow turns of keys inside their planes only; where positions are unknown, none are tried.
      keyAlignment: KEY_ALIGNMENTS[architecture?.positions ?? 'unknown'],
    };
    const read = await keyValueModels(models, reader, options, context);
    if (!read.ok) return read;
    const { folded, cut, models: compared } = read.value;
    const caption = [
      foldText(fold, folded, architecture),
      cut === null ? '' : `Row spaces are cut to ${wholeText(cut)} directions to fit into the memory budget.`,
      'Self-attention only, blocks in network order.',
    ].join(' ');
    const sizes = { tokens: Number(parameters['tokens']), bytes: Number(parameters['bytes']) };
    return success({
      artifacts: kvArtifacts(compared, { ...options, ...sizes, caption }),
      findings: [...found.value.findings, ...reader.findings],
      bytesRead: reader.bytesRead,
    });
  },
};

const KEY_ALIGNMENTS = {
  rotary: 'planes',
  alibi: 'rotation',
  learned: 'rotation',
  relative: 'rotation',
  unknown: 'none',
} as const;
