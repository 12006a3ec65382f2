import type { StudyNetwork } from '../../graph/study-network';
import { success, type Result } from '../../protocol/result';
import type { Dense } from '../../tensor/linear/dense';
import { multiplyTransposed } from '../../tensor/linear/multiply';
import type { LensContext } from '../lens';
import type { AdapterSite } from './adapter-sites';
import type { Measured, ModelRun } from './model-runs';
import { readTokens, type TokenRows } from './read-tokens';

/** How tokens are scored: by prototypes of the adapters, or by gates that were trained for them. */
export type RouterKind = 'arrow' | 'phatgoose';

/** What the kinds of routers are called. */
export const ROUTERS: Readonly<Record<RouterKind, string>> = { arrow: 'Arrow', phatgoose: 'PHATGOOSE' };

/** How tokens are routed. */
export interface RoutingRule {
  readonly kind: RouterKind;
  /** Adapters of a token. */
  readonly top: number;
  /** What Arrow's scores are divided by; 0: the root of the number of features. */
  readonly temperature: number;
}

/** How the tokens of one run were routed in one matrix. Lists are by adapter; 0 for one that is not there. */
export interface SiteRouting {
  readonly tokens: number;
  /** Share of the tokens whose first choice it is. */
  readonly first: Float64Array;
  /** Softmax over the k highest scores, 0 for others, on average over the tokens. */
  readonly weight: Float64Array;
  /** Mean entropy of the softmax over all adapters, as a share of ln of their number. */
  readonly entropy: number;
  /** Adapters that are there. */
  readonly members: readonly number[];
}

/** How one run was routed. */
export interface RunRouting {
  /** As long as the sites; `null` where fewer than two adapters have what the router needs, or no token came. */
  readonly sites: readonly (SiteRouting | null)[];
  /** samples × adapters: the weight of each adapter, added up over tokens and sites. */
  readonly votes: readonly Float64Array[];
}

/** Every data set as one router sends it. */
export interface RoutedRuns {
  readonly rule: RoutingRule;
  readonly runs: readonly Measured<RunRouting>[];
}

/** The vectors that a router compares inputs with at one site, with the adapters they belong to. */
interface SiteRouter {
  readonly members: readonly number[];
  readonly vectors: Dense;
  readonly sums: RoutingSums;
}

/**
 * Scores the inputs of every site by every adapter, on the base, and routes token by token (Ostapenko et al. 2024; Muqeeth
 * et al. 2024), by every rule in one run. Gives a routing for each rule; fails as running the network does.
 */
export async function routeTokens(
  study: StudyNetwork,
  { samples }: Pick<ModelRun, 'samples'>,
  sites: readonly AdapterSite[],
  rules: readonly RoutingRule[],
  { signal }: Pick<LensContext, 'signal'>,
  progress: (share: number) => void,
): Promise<Result<readonly RunRouting[]>> {
  const routers = rules.map((rule) => new RunRouter(sites, rule, samples.count));
  const values = [...new Set(routers.flatMap(({ inputs }) => inputs))];
  if (values.length > 0) {
    const read = await readTokens(
      study,
      { model: null, samples, values, signal, progress },
      (value, rows, start) => {
        for (const router of routers) router.add(value, rows, start);
      },
    );
    if (!read.ok) return read;
  }
  return success(routers.map((router) => router.routing()));
}

/** Routes one run by one rule, as inputs of sites come. */
class RunRouter {
  private readonly sites: readonly (SiteRouter | null)[];
  private readonly byInput = new Map<string, SiteRouter[]>();
  private readonly votes: readonly Float64Array[];

  constructor(
    sites: readonly AdapterSite[],
    private readonly rule: RoutingRule,
    samples: number,
  ) {
    const adapters = sites[0]?.adapters.length ?? 0;
    this.votes = Array.from({ length: samples }, () => new Float64Array(adapters));
    this.sites = sites.map((site) => routerOf(site, rule));
    sites.forEach(({ input }, at) => {
      const router = this.sites[at];
      if (router) this.byInput.set(input, [...(this.byInput.get(input) ?? []), router]);
    });
  }

  /** Values of the graph that are scored. */
  get inputs(): readonly string[] {
    return [...this.byInput.keys()];
  }

  /** The next tokens of one input; `start`: the first of their samples. */
  add(input: string, rows: TokenRows, start: number): void {
    // Several matrices read one input: it is brought into form once for all of them.
    const tokens = preparedTokens(rows, this.rule);
    for (const { vectors, sums } of this.byInput.get(input) ?? []) {
      if (vectors.columns !== rows.columns) continue;
      sums.add(preparedScores(tokens, vectors, this.rule), rows.tokens, this.votes, start);
    }
  }

  routing(): RunRouting {
    return { sites: this.sites.map((router) => router?.sums.routing() ?? null), votes: this.votes };
  }
}

function routerOf({ adapters }: AdapterSite, { kind, top }: RoutingRule): SiteRouter | null {
  const vectors = adapters.map((own) => (kind === 'arrow' ? own?.prototype : own?.gate) ?? null);
  const members = vectors.flatMap((vector, at) => (vector === null ? [] : [at]));
  if (members.length < 2) return null;
  const columns = vectors[members[0] ?? 0]?.length ?? 0;
  const values = new Float64Array(members.length * columns);
  members.forEach((member, row) => {
    const vector = vectors[member];
    if (vector) values.set(kind === 'phatgoose' ? standardised(vector) : vector, row * columns);
  });
  return {
    members,
    vectors: { rows: members.length, columns, values },
    sums: new RoutingSums(adapters.length, members, top),
  };
}

/**
 * Scores of tokens by vectors, tokens × vectors. Arrow: |h·v| over the temperature; the sign of a singular vector means
 * nothing. PHATGOOSE: h·v/√d, both standardised (those of `vectors` already are).
 */
export function scoresOf(
  tokens: Dense,
  vectors: Dense,
  rule: Pick<RoutingRule, 'kind' | 'temperature'>,
): Dense {
  return preparedScores(preparedTokens(tokens, rule), vectors, rule);
}

function preparedTokens(tokens: Dense, { kind }: Pick<RoutingRule, 'kind'>): Dense {
  return kind === 'phatgoose' ? withStandardRows(tokens) : tokens;
}

function preparedScores(
  tokens: Dense,
  vectors: Dense,
  { kind, temperature }: Pick<RoutingRule, 'kind' | 'temperature'>,
): Dense {
  const root = Math.sqrt(tokens.columns);
  if (kind === 'phatgoose') {
    const scores = multiplyTransposed(tokens, vectors);
    return { ...scores, values: scores.values.map((score) => score / root) };
  }
  const scores = multiplyTransposed(tokens, vectors);
  const divisor = temperature > 0 ? temperature : root;
  return { ...scores, values: scores.values.map((score) => Math.abs(score) / divisor) };
}

/** LayerNorm without scale and shift adds so much to the variance, in PyTorch by default. */
const NORM_EPSILON = 1e-5;

/** A vector with mean 0 and variance 1, as LayerNorm without scale and shift has it. */
export function standardised(vector: Float64Array): Float64Array {
  const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
  const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vector.length;
  const deviation = Math.sqrt(variance + NORM_EPSILON);
  return vector.map((value) => (value - mean) / deviation);
}

function withStandardRows({ rows, columns, values }: Dense): Dense {
  const standard = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns];
    standard.set(standardised(values.subarray(from, to)), from);
  }
  return { rows, columns, values: standard };
}

/** Sums over tokens as they come, in one site. */
export class RoutingSums {
  private tokens = 0;
  private entropy = 0;
  private readonly first: Float64Array;
  private readonly weight: Float64Array;

  /** `members`: the adapters that the columns of scores belong to, of `adapters` in all. */
  constructor(
    adapters: number,
    private readonly members: readonly number[],
    private readonly top: number,
  ) {
    this.first = new Float64Array(adapters);
    this.weight = new Float64Array(adapters);
  }

  /** Routes by scores, tokens × members, and adds each adapter's weight to `votes` of the token's sample. */
  add(scores: Dense, perSample: number, votes: readonly Float64Array[], start: number): void {
    const n = this.members.length;
    for (let row = 0; row < scores.rows; row++) {
      const own = scores.values.subarray(row * n, (row + 1) * n);
      const sample = votes[start + Math.floor(row / Math.max(1, perSample))];
      this.route(own, sample);
    }
    this.tokens += scores.rows;
  }

  /** The means over the tokens; `null` of none. */
  routing(): SiteRouting | null {
    const { tokens, members } = this;
    if (tokens === 0) return null;
    const mean = (sum: Float64Array) => sum.map((value) => value / tokens);
    const entropy = this.entropy / tokens / Math.log(members.length);
    return { tokens, members, entropy, first: mean(this.first), weight: mean(this.weight) };
  }

  private route(scores: Float64Array, votes: Float64Array | undefined): void {
    const order = Array.from(scores, (_, at) => at).sort(
      (x, y) => (scores[y] ?? 0) - (scores[x] ?? 0) || x - y,
    );
    const most = scores[order[0] ?? 0] ?? 0;
    const power = scores.map((score) => Math.exp(score - most));
    const all = power.reduce((sum, value) => sum + value, 0);
    const chosen = order.slice(0, this.top);
    const among = chosen.reduce((sum, at) => sum + (power[at] ?? 0), 0);
    for (const value of power) if (value > 0) this.entropy -= (value / all) * Math.log(value / all);
    const winner = this.members[order[0] ?? 0] ?? 0;
    this.first[winner] = (this.first[winner] ?? 0) + 1;
    for (const at of chosen) {
      const [member, share] = [this.members[at] ?? 0, (power[at] ?? 0) / among];
      this.weight[member] = (this.weight[member] ?? 0) + share;
      if (votes) votes[member] = (votes[member] ?? 0) + share;
    }
  }
}
