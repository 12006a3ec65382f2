import { attentionSites, type AttentionSite } from '../graph/attention-sites';
import { readActivations } from '../graph/network';
import type { StudyNetwork } from '../graph/study-network';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import {
  ATTENTION_KEYS,
  attentionFigures,
  meanRowCosine,
  type AttentionFigures,
} from './activations/attention-figures';
import { blockOf, headBlocks, type HeadBlocks } from './activations/head-blocks';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { measureRuns, pairedRuns, type ModelRun } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { advice, headTable, heatmap, likeness, type Patterns } from './attention-artifacts';

const description: LensDescription = {
  id: 'attention-patterns',
  version: 1,
  title: 'Where does every head look?',
  summary:
    'Runs the network on samples and describes the attention of every head: how spread, how far, how much on the first token; and which layers attend alike.',
  formula:
    'entropy = mean over queries of −Σ a ln a / ln(keys seen);  span = mean Σ a·|i − j|;  window = least w with Σ_{|i−j|≤w} a ≥ share;  sink = mean a₀;  layers: mean cosine between rows of the attention averaged over heads;  budget of a layer ∝ mean e^entropy',
  reading:
    'A head with entropy near 0 looks at one token; near 1 it averages over all. Much weight on the first token (a sink) means a head that mostly rests. Short windows: sliding-window attention and a small cache do for this head. Layers with a cosine near 1 attend alike: one can take the attention of the other and drop its queries and keys (the first and last layers are left out of the proposal, as the authors do). The budget shares a cache of keys and values out among the layers. Causal networks see few keys at the start of a text, which shortens all spans; use long samples.',
  source: [
    {
      title:
        'EchoAtt: Attend, Copy, then Adjust for More Efficient Large Language Models (Rajabzadeh et al. 2024)',
      link: 'https://arxiv.org/abs/2409.14595',
    },
    {
      title: 'Beyond KV Caching: Shared Attention for Efficient LLMs (Liao, Vargas 2024)',
      link: 'https://arxiv.org/abs/2407.12866',
    },
    {
      title:
        'PyramidKV: Dynamic KV Cache Compression based on Pyramidal Information Funneling (Cai et al. 2024)',
      link: 'https://arxiv.org/abs/2406.02069',
    },
    {
      title: 'MSWA: Refining Local Attention with Multi-Scale Window Attention (Xu et al. 2025)',
      link: 'https://arxiv.org/abs/2501.01039',
    },
  ],
  needs: {
    data: ['activations'],
    base: 'required',
    tasks: { minimum: 0 },
    parts: ['attention'],
    factored: true,
  },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'share',
      title: 'Share in the window',
      help: 'The window of a head holds so much of its attention.',
      type: 'number',
      default: 0.95,
      minimum: 0.01,
      maximum: 1,
    },
    {
      name: 'alike',
      title: 'Alike from',
      help: 'Neighbouring layers with at least this cosine are proposed to share their attention.',
      type: 'number',
      default: 0.9,
      minimum: 0,
      maximum: 1,
    },
  ],
};

/** Figures of the attention of every head, and likeness of layers, of base and fine-tunes on the same samples. */
export const attentionPatterns: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = attentionSites(opened.value.network.map);
    if (sites.length === 0) return noAttention();
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const share = Number(parameters['share'] ?? 0.95);
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      patternsOf(opened.value, run, sites, share, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const groups = measured.value.map((run) =>
      shareGroups(run.value, sites.length, Number(parameters['alike'] ?? 0.9)),
    );
    return success({
      artifacts: [
        advice(measured.value, entries, groups),
        ...measured.value.flatMap((run) => ATTENTION_KEYS.map((key) => heatmap(run, entries, key))),
        ...measured.value.map((run) => likeness(run, entries)),
        layerCurves(BUDGET, entries, measured.value, ({ heads }, at) => budgetOf(heads, at), {
          caption: captionsOf(measured.value),
        }),
        headTable(measured.value, entries),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

const BUDGET = { id: 'budget', title: 'Share of a cache of keys and values', unit: 'share' };

/** The failure of a graph without attention that could be found. */
export function noAttention(): Result<never> {
  return failure({
    code: 'graph-layers',
    message:
      'The graph has no attention: no softmax whose output is multiplied with values that come from a weight.',
    action: 'Use the graph of a transformer, exported with eager attention (attn_implementation="eager").',
  });
}

async function patternsOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  sites: readonly AttentionSite[],
  share: number,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<Patterns>> {
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const sums = new PatternSums(sites.length, share);
  let odd: AttentionSite | null = null;
  const read = await readActivations(
    study.network,
    {
      values: sites.map(({ probabilities }) => probabilities),
      weights: weights.value,
      samples,
      count: samples.count,
      signal,
      progress,
    },
    (batch, _, count) => {
      const blocks = sites.map(({ probabilities }) => {
        const value = batch.get(probabilities);
        return value ? headBlocks(value, count) : null;
      });
      odd ??= sites.find((_, at) => blocks[at] === null) ?? null;
      if (odd === null) sums.add(blocks.filter((each) => each !== null));
      return odd === null;
    },
  );
  if (!read.ok) return read;
  if (odd !== null) return noAttention();
  return success(sums.patterns());
}

/** Figures of heads and likeness of layers as they add up sample by sample. */
class PatternSums {
  private readonly figures: Map<number, AttentionFigures[]>[];
  private readonly cosines: number[][];

  constructor(
    private readonly sites: number,
    private readonly share: number,
  ) {
    this.figures = Array.from({ length: sites }, () => new Map<number, AttentionFigures[]>());
    this.cosines = Array.from({ length: sites * sites }, () => []);
  }

  add(blocks: readonly HeadBlocks[]): void {
    for (let sample = 0; sample < (blocks[0]?.samples ?? 0); sample++) {
      const means = blocks.map((block, site) => {
        const mean = new Float64Array(block.rows * block.columns);
        for (let head = 0; head < block.heads; head++) {
          const own = blockOf(block, sample, head);
          const figures = attentionFigures(own, block.rows, block.columns, this.share);
          const known = this.figures[site]?.get(head) ?? [];
          if (figures) known.push(figures);
          this.figures[site]?.set(head, known);
          own.forEach((weight, at) => (mean[at] = (mean[at] ?? 0) + weight / block.heads));
        }
        return mean;
      });
      this.compare(means, blocks);
    }
  }

  patterns(): Patterns {
    const heads = this.figures.map((site) => [...site.values()].map(meanFigures));
    return { heads, alike: this.cosines.map(numberMean) };
  }

  private compare(means: readonly Float64Array[], blocks: readonly HeadBlocks[]): void {
    means.forEach((x, i) => {
      means.forEach((y, j) => {
        if (j < i || x.length !== y.length) return;
        const cosine = meanRowCosine(x, y, blocks[i]?.columns ?? 1);
        if (cosine === null) return;
        this.cosines[i * this.sites + j]?.push(cosine);
        if (i !== j) this.cosines[j * this.sites + i]?.push(cosine);
      });
    });
  }
}

function meanFigures(all: readonly AttentionFigures[]): AttentionFigures | null {
  if (all.length === 0) return null;
  const mean = (key: keyof AttentionFigures) => numberMean(all.map((each) => each[key])) ?? 0;
  return {
    entropy: mean('entropy'),
    keys: mean('keys'),
    sink: mean('sink'),
    self: mean('self'),
    distance: mean('distance'),
    window: mean('window'),
  };
}

/** Mean e^entropy of a layer's heads over that of all layers. */
function budgetOf(heads: Patterns['heads'], site: number): number | null {
  const keys = heads.map((own) => numberMean(own.map((head) => head?.keys ?? null)));
  const total = keys.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const own = keys[site] ?? null;
  return own === null || total === 0 ? null : own / total;
}

/** Runs of neighbouring layers, without the first and the last, each alike to the first of its run. */
export function shareGroups(
  { alike }: Pick<Patterns, 'alike'>,
  sites: number,
  threshold: number,
): readonly (readonly number[])[] {
  const groups: number[][] = [];
  for (let site = 1; site < sites - 1; site++) {
    const last = groups.at(-1);
    const leader = last?.[0];
    const cosine = leader === undefined ? null : (alike[leader * sites + site] ?? null);
    if (last && cosine !== null && cosine >= threshold) last.push(site);
    else groups.push([site]);
  }
  return groups.filter((group) => group.length > 1);
}
