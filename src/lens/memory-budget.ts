import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import type { Lens } from './lens';
import {
  cacheTable,
  memoryAdvice,
  modelTable,
  servingSeries,
  trainingTable,
  type MemoryModel,
} from './memory-artifacts';
import { modelSize } from './memory-sums';
import { checkNeeds } from './needs';

const description: LensDescription = {
  id: 'memory-budget',
  version: 1,
  title: 'How much memory does it take?',
  summary:
    'What base, fine-tunes and adapters take on disk, loaded, with their cache of keys and values, in training, and many of them served at once; from headers and configuration alone.',
  formula:
    'loaded: 4·P (fp32), 2·P (half), matrices·1 or ½ + vectors·2 (int8, 4 bit);  cache per token 2·layers·kv heads·head size·2 bytes;  Adam 8 bytes a trained value, 8-bit 2;  activations (proxy) layers·s·b·h·(34 + 5·a·s/h);  n adapters: base + Σ adapters, n merged: n·base',
  reading:
    'Weights and cache are exact to a few per cent; programs add their own buffers, fragmentation and, when quantised, a scale for each block of values (for blocks of 64 with half-precision scales 3 % of int8, 6 % of 4 bit). Serving adapters beside one base pays as soon as there are two of them. The activations of training are an estimate for a plain transformer without recomputation or fused attention: with those it is several times less.',
  source: [
    {
      title: 'Reducing Activation Recomputation in Large Transformer Models (Korthikanti et al. 2022)',
      link: 'https://arxiv.org/abs/2205.05198',
    },
    {
      title: '8-bit Optimizers via Block-wise Quantization (Dettmers et al. 2022)',
      link: 'https://arxiv.org/abs/2110.02861',
    },
    {
      title: 'Adam: A Method for Stochastic Optimization (Kingma & Ba 2015)',
      link: 'https://arxiv.org/abs/1412.6980',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true },
  parameters: [
    {
      name: 'tokens',
      title: 'Tokens',
      help: 'Length of a sequence, for the cache and for activations.',
      type: 'number',
      default: 4096,
      minimum: 1,
      maximum: 10_000_000,
      integer: true,
    },
    {
      name: 'batch',
      title: 'Sequences',
      help: 'How many sequences are held at once.',
      type: 'number',
      default: 1,
      minimum: 1,
      maximum: 100_000,
      integer: true,
    },
  ],
};

/** Sizes of everything in a study. Reads no tensor. */
export const memoryBudget: Lens = {
  description,
  run(study, parameters) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return Promise.resolve(needs);
    const models: MemoryModel[] = [
      ...(study.base ? [{ name: 'base', kind: 'base' as const, size: modelSize(study.base) }] : []),
      ...study.tasks.map(({ name, kind, checkpoint }) => ({
        name,
        kind: kind === 'factored' ? ('adapter' as const) : ('fine-tune' as const),
        size: modelSize(checkpoint),
      })),
    ];
    const load = {
      tokens: Number(parameters['tokens'] ?? 4096),
      batch: Number(parameters['batch'] ?? 1),
    };
    const serving = servingSeries(models);
    const artifacts = [
      memoryAdvice(models, study.architecture, load),
      ...(serving ? [serving] : []),
      modelTable(models),
      cacheTable(study.architecture, load),
      trainingTable(models, study.architecture, load),
    ];
    return Promise.resolve(success({ artifacts, findings: [], bytesRead: 0 }));
  },
};
