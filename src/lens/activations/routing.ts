import { projections } from '../../graph/projections';
import type { StudyNetwork } from '../../graph/study-network';
import { placeOf } from '../../model/naming';
import { success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import type { ModelRun } from './model-runs';
import { readTokens, type TokenRows } from './read-tokens';

/** A router of a mixture of experts. */
export interface RouterSite {
  readonly layer: string;
  readonly label: string;
  /** Its logits: one per expert and token. */
  readonly value: string;
}

/** How the tokens of one run were routed by one router. All lists are by expert. */
export interface Routing {
  readonly tokens: number;
  /** Share of the tokens with the expert among the first k. */
  readonly selected: Float64Array;
  readonly first: Float64Array;
  /** Softmax over the k selected, 0 for others, on average. */
  readonly weight: Float64Array;
  /** Softmax over all experts, on average. */
  readonly probability: Float64Array;
  /** E[logit · 1(selected)], the expected selection score of PreMoe. */
  readonly score: Float64Array;
  /** Selections of every expert in every segment of consecutive tokens. */
  readonly segments: readonly Float64Array[];
}

/** The routers of a graph, in its order. */
export function routerSites({ network }: StudyNetwork): readonly RouterSite[] {
  return projections(network.map).flatMap(({ tensor, output }) => {
    const { module, row, layerLabel } = placeOf(tensor);
    return module === 'router' ? [{ layer: row, label: layerLabel, value: output }] : [];
  });
}

/** How routing is counted. */
export interface RoutingOptions {
  /** Experts of a token. */
  readonly top: number;
  /** Consecutive tokens that are counted together. */
  readonly segment: number;
}

/** Routes the tokens of one run. Fails as running the network does. */
export async function routingOf(
  study: StudyNetwork,
  { task, samples }: Pick<ModelRun, 'task' | 'samples'>,
  sites: readonly RouterSite[],
  options: RoutingOptions,
  { signal }: Pick<LensContext, 'signal'>,
  progress: (share: number) => void,
): Promise<Result<readonly Routing[]>> {
  const counts = new Map<string, RoutingCounts>();
  const values = sites.map(({ value }) => value);
  const read = await readTokens(study, { model: task, samples, values, signal, progress }, (value, rows) => {
    const own = counts.get(value) ?? new RoutingCounts(rows.columns, options);
    counts.set(value, own);
    own.add(rows);
  });
  if (!read.ok) return read;
  return success(values.map((value) => (counts.get(value) ?? new RoutingCounts(0, options)).routing()));
}

/** Sums over tokens as they come. */
export class RoutingCounts {
  private tokens = 0;
  private readonly sums;
  private readonly segments: Float64Array[] = [];

  constructor(
    private readonly experts: number,
    private readonly options: RoutingOptions,
  ) {
    const list = () => new Float64Array(experts);
    this.sums = { selected: list(), first: list(), weight: list(), probability: list(), score: list() };
  }

  /** Rows of logits, in the order of the tokens; a segment never spans two samples. */
  add({ rows, tokens, values }: Pick<TokenRows, 'rows' | 'tokens' | 'values'>): void {
    for (let row = 0; row < rows; row++) {
      if ((row % tokens) % this.options.segment === 0) this.segments.push(new Float64Array(this.experts));
      this.route(values.subarray(row * this.experts, (row + 1) * this.experts));
    }
    this.tokens += rows;
  }

  routing(): Routing {
    const { tokens, segments } = this;
    const mean = (sum: Float64Array) => sum.map((value) => value / Math.max(1, tokens));
    const { selected, first, weight, probability, score } = this.sums;
    return {
      tokens,
      segments,
      selected: mean(selected),
      first: mean(first),
      weight: mean(weight),
      probability: mean(probability),
      score: mean(score),
    };
  }

  private route(logits: Float64Array): void {
    const order = Array.from(logits, (_, expert) => expert).sort(
      (x, y) => (logits[y] ?? 0) - (logits[x] ?? 0) || x - y,
    );
    const chosen = order.slice(0, this.options.top);
    const most = logits[order[0] ?? 0] ?? 0;
    const power = logits.map((logit) => Math.exp(logit - most));
    const all = power.reduce((sum, value) => sum + value, 0);
    const among = chosen.reduce((sum, expert) => sum + (power[expert] ?? 0), 0);
    const add = (sum: Float64Array, expert: number, value: number) =>
      (sum[expert] = (sum[expert] ?? 0) + value);
    power.forEach((value, expert) => add(this.sums.probability, expert, value / all));
    add(this.sums.first, order[0] ?? 0, 1);
    const segment = this.segments.at(-1);
    for (const expert of chosen) {
      add(this.sums.selected, expert, 1);
      add(this.sums.weight, expert, (power[expert] ?? 0) / among);
      add(this.sums.score, expert, logits[expert] ?? 0);
      if (segment) add(segment, expert, 1);
    }
  }
}

/** Mutual information in nats of task (all as likely) and expert, from the weights of each task: Σ P ln(P/(PₜPₑ)). */
export function mutualInformation(weights: readonly Float64Array[]): number {
  const tasks = weights.length;
  const experts = weights[0]?.length ?? 0;
  const totals = weights.map((own) => own.reduce((sum, value) => sum + value, 0));
  let sum = 0;
  for (let expert = 0; expert < experts; expert++) {
    const joint = weights.map((own, task) => (own[expert] ?? 0) / (totals[task] ?? 1) / tasks);
    const both = joint.reduce((total, value) => total + value, 0);
    for (const value of joint) if (value > 0) sum += value * Math.log((value * tasks) / both);
  }
  return sum;
}

/** Best hit rate of a cache of `size` experts that may be filled anew for every segment: Σ largest counts / all selections. */
export function cacheHitRate(segments: readonly Float64Array[], size: number): number | null {
  let [hits, all] = [0, 0];
  for (const counts of segments) {
    const sorted = counts.slice().sort().reverse();
    hits += sorted.subarray(0, size).reduce((sum, value) => sum + value, 0);
    all += sorted.reduce((sum, value) => sum + value, 0);
  }
  return all > 0 ? hits / all : null;
}

/**
 * Segment routing best performance: the largest F1, over thresholds θ, of saying that every token of a segment of `length` uses
 * the experts that at least θ of them use.
 */
export function segmentPerformance(segments: readonly Float64Array[], length: number): number | null {
  const all = segments.reduce((sum, counts) => sum + counts.reduce((total, value) => total + value, 0), 0);
  if (all === 0) return null;
  let best = 0;
  for (let threshold = 1; threshold <= length; threshold++) {
    let [matches, predicted] = [0, 0];
    for (const counts of segments) {
      for (const count of counts) {
        if (count < threshold) continue;
        matches += count;
        predicted += length;
      }
    }
    if (predicted > 0) best = Math.max(best, (2 * matches) / (predicted + all));
  }
  return best;
}
