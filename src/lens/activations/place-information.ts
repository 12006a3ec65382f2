import type { StudyNetwork } from '../../graph/study-network';
import { cancelled, success, type Result } from '../../protocol/result';
import type { Dense } from '../../tensor/linear/dense';
import type { LensContext } from '../lens';
import { pause } from '../pause';
import { twoNearestDimension } from './intrinsic-dimension';
import { layerFeatures, streamPlaces } from './layer-features';
import { relativeEntropy } from './matrix-entropy';
import type { ModelRun } from './model-runs';
import { numberMean } from './number-mean';
import type { Pool } from './pooling';
import { readTokens, type TokenRows } from './read-tokens';
import { secondView } from './second-view';
import { curvature, tokenCosine, tokenResidual } from './token-geometry';
import { viewAgreement } from './view-agreement';

/** What is told of one place of the stream. `null`: undefined there. */
export interface PlaceInformation {
  /** Of samples, as a share of the most. */
  readonly entropy: number | null;
  /** Of the tokens of a sample, as a share of the most, on average. */
  readonly tokenEntropy: number | null;
  readonly dimension: number | null;
  /** Radians. */
  readonly curvature: number | null;
  readonly residual: number | null;
  readonly tokenCosine: number | null;
  readonly infoNce: number | null;
  readonly lidar: number | null;
  readonly dime: number | null;
}

/** How it is measured. */
export interface InformationOptions {
  /** Order of the entropy. */
  readonly alpha: number;
  readonly pool: Pool;
  /** Strength of the disturbance of the second view; 0 leaves out what needs one. */
  readonly disturbance: number;
  readonly seed: number;
}

/** Entropies of the tokens of a sample are of so many samples at most: each is a decomposition. */
const MOST_TOKEN_ENTROPIES = 32;

/** Measures every place of the stream of one run. Fails as running the network does. */
export async function placeInformation(
  study: StudyNetwork,
  run: ModelRun,
  options: InformationOptions,
  context: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly PlaceInformation[]>> {
  const geometry = await tokenFigures(study, run, options.alpha, context, (share) => progress(share / 3));
  if (!geometry.ok) return geometry;
  const request = { model: run.task, pool: options.pool, budget: context.memoryBudget / 8 };
  const features = await layerFeatures(
    study,
    { ...request, samples: run.samples, progress: (share) => progress((1 + share) / 3) },
    context,
  );
  if (!features.ok) return features;
  let second: readonly Dense[] | null = null;
  if (options.disturbance > 0) {
    const samples = { ...run.samples, ...secondView(run.samples, options.disturbance, options.seed) };
    const read = await layerFeatures(
      study,
      { ...request, samples, progress: (share) => progress((2 + share) / 3) },
      context,
    );
    if (!read.ok) return read;
    second = read.value;
  }
  const found: PlaceInformation[] = [];
  for (const [at, own] of features.value.entries()) {
    const views = second?.[at];
    found.push({
      entropy: relativeEntropy(own, options.alpha),
      dimension: twoNearestDimension(own),
      ...(geometry.value[at] ?? NO_TOKENS),
      ...(views ? viewAgreement(own, views) : { infoNce: null, lidar: null, dime: null }),
    });
    await pause();
    if (context.signal.aborted) return cancelled();
  }
  return success(found);
}

type TokenFigures = Pick<PlaceInformation, 'tokenEntropy' | 'curvature' | 'residual' | 'tokenCosine'>;

const NO_TOKENS: TokenFigures = { tokenEntropy: null, curvature: null, residual: null, tokenCosine: null };

async function tokenFigures(
  study: StudyNetwork,
  run: ModelRun,
  alpha: number,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly TokenFigures[]>> {
  const values = streamPlaces(study).map(({ value }) => value);
  const found = new Map(values.map((value) => [value, [] as TokenFigures[]]));
  const read = await readTokens(
    study,
    { model: run.task, samples: run.samples, values, signal, progress },
    (value, rows) => {
      const own = found.get(value);
      if (rows.tokens < 2) return;
      for (const tokens of samplesOf(rows)) own?.push(figuresOf(tokens, alpha, own.length));
    },
  );
  if (!read.ok) return read;
  return success(
    values.map((value) => {
      const all = found.get(value) ?? [];
      const mean = (key: keyof TokenFigures) => numberMean(all.map((each) => each[key]));
      return {
        tokenEntropy: mean('tokenEntropy'),
        curvature: mean('curvature'),
        residual: mean('residual'),
        tokenCosine: mean('tokenCosine'),
      };
    }),
  );
}

function figuresOf(tokens: Dense, alpha: number, done: number): TokenFigures {
  return {
    tokenEntropy: done < MOST_TOKEN_ENTROPIES ? relativeEntropy(tokens, alpha) : null,
    curvature: curvature(tokens),
    residual: tokenResidual(tokens),
    tokenCosine: tokenCosine(tokens),
  };
}

function samplesOf({ samples, tokens, columns, values }: TokenRows): readonly Dense[] {
  return Array.from({ length: samples }, (_, at) => ({
    rows: tokens,
    columns,
    values: values.slice(at * tokens * columns, (at + 1) * tokens * columns),
  }));
}
