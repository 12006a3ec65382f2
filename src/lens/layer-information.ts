import type { AxisEntry, Note, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { captionsOf, layerCurves, type LayerMetric } from './activations/layer-curves';
import { placeInformation, type PlaceInformation } from './activations/place-information';
import { streamPlaces } from './activations/layer-features';
import { baseOf, measureRuns, pairedRuns, type Measured } from './activations/model-runs';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { shortNumber } from './wording';

const description: LensDescription = {
  id: 'layer-information',
  version: 1,
  title: 'How much do layers tell about the input?',
  summary:
    'Runs the network on samples and shows how rich the representation of every layer is: entropy, dimension, curvature, collapse, and what survives a small disturbance.',
  formula:
    'S_α = ln Σ pᵢ^α / (1 − α), p = eigenvalues of ZZᵀ / trace;  curvature = mean arccos cos(vₖ, vₖ₊₁), v = steps from token to token;  residual = ‖H − 1·mean‖_F / ‖H‖_F;  dimension: TwoNN;  InfoNCE = 1 − loss/ln N;  LiDAR = S(Σw^-½ Σb Σw^-½);  DiME = E S(K₁∘πK₂πᵀ) − S(K₁∘K₂)',
  reading:
    'Layers in the middle often represent the input best: take features, probes or an early exit from the layer that wins. Entropy near 1: features spread over all directions; near 0: a few directions say everything. A residual or a dimension that falls towards the end is compression; a residual near 0 is collapse: all tokens have become one. InfoNCE, LiDAR and DiME ask whether a sample is known again after a disturbance (noise on images, replaced tokens in texts): a proxy for the augmentations of the papers, comparable between layers, not between data sets. Entropies grow with the number of samples until there are more samples than features.',
  source: [
    {
      title: 'Layer by Layer: Uncovering Hidden Representations in Language Models (Skean et al. 2025)',
      link: 'https://arxiv.org/abs/2502.02013',
    },
    {
      title:
        'Estimating the intrinsic dimension of datasets by a minimal neighborhood information (Facco et al. 2017)',
      link: 'https://arxiv.org/abs/1803.06992',
    },
    {
      title: 'LiDAR: Sensing Linear Probing Performance in Joint Embedding SSL (Thilak et al. 2024)',
      link: 'https://arxiv.org/abs/2312.04000',
    },
    {
      title:
        'DiME: Maximizing Mutual Information by a Difference of Matrix-Based Entropies (Skean et al. 2023)',
      link: 'https://arxiv.org/abs/2301.08164',
    },
    {
      title: 'Are More Layers Beneficial to Graph Transformers? (Zhao et al. 2023)',
      link: 'https://arxiv.org/abs/2303.00579',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    POOL_PARAMETER,
    {
      name: 'alpha',
      title: 'Order of the entropy',
      help: 'α of the matrix-based entropy; 1 is that of von Neumann.',
      type: 'number',
      default: 1,
      minimum: 0.01,
      maximum: 100,
    },
    {
      name: 'disturbance',
      title: 'Disturbance',
      help: 'Noise of the second view in deviations of the input, or share of tokens replaced. 0 leaves out InfoNCE, LiDAR and DiME.',
      type: 'number',
      default: 0.3,
      minimum: 0,
      maximum: 1,
    },
  ],
};

type Key = keyof PlaceInformation;

const METRICS: readonly (LayerMetric & { readonly id: string; readonly key: Key })[] = [
  { id: 'entropy', key: 'entropy', title: 'Entropy of samples', unit: 'share of the most' },
  { id: 'token_entropy', key: 'tokenEntropy', title: 'Entropy of tokens', unit: 'share of the most' },
  { id: 'intrinsic_dimension', key: 'dimension', title: 'Intrinsic dimension', unit: 'dimensions' },
  { id: 'curvature', key: 'curvature', title: 'Curvature', unit: 'radians' },
  { id: 'residual', key: 'residual', title: 'What tokens have of their own', unit: '‖H − mean‖ / ‖H‖' },
  { id: 'token_cosine', key: 'tokenCosine', title: 'Cosine between tokens', unit: 'cos' },
  { id: 'infonce', key: 'infoNce', title: 'InfoNCE', unit: '1 − loss / ln N' },
  { id: 'lidar', key: 'lidar', title: 'LiDAR', unit: 'share of the most' },
  { id: 'dime', key: 'dime', title: 'DiME', unit: 'nats' },
];

type Run = Measured<readonly PlaceInformation[]>;

/** Entropy, dimension, curvature, collapse and view agreement of every layer, of base and fine-tunes on the same samples. */
export const layerInformation: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const options = {
      alpha: Number(parameters['alpha'] ?? 1),
      disturbance: Number(parameters['disturbance'] ?? 0.3),
      pool: poolOf(parameters),
      seed: Number(parameters['seed'] ?? 0),
    };
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      placeInformation(opened.value, run, options, context, progress),
    );
    if (!measured.ok) return measured;
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    const shown = METRICS.filter(({ key }) =>
      measured.value.some(({ value }) => value.some((place) => place[key] !== null)),
    );
    return success({
      artifacts: [
        advice(measured.value, places),
        ...shown.map((metric) =>
          layerCurves(metric, places, measured.value, (value, at) => value[at]?.[metric.key] ?? null, {
            caption: captionsOf(measured.value),
            facets: { metric: metric.title },
          }),
        ),
        table(measured.value, places),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

function table(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'All figures of every layer',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      ...METRICS.map(({ id, title }) => ({ name: id, title, type: 'number' as const })),
    ],
    rows: runs.flatMap(({ model, samples, value }) =>
      places.map(({ label, layer }, at) => [
        model,
        samples.name,
        layer ?? label,
        ...METRICS.map(({ key }) => value[at]?.[key] ?? null),
      ]),
    ),
  };
}

/** Tokens that have less than this share of themselves beside their mean count as collapsed. */
const COLLAPSED = 0.1;
/** Entropies that differ by less are alike. */
const MOVED = 0.02;

function advice(runs: readonly Run[], places: readonly AxisEntry[]): Note {
  const label = (at: number) => places[at]?.label ?? '';
  const lines = runs.flatMap((run) => {
    const { name, value } = run;
    const own: string[] = [];
    const best = bestPlace(value, value.some(({ infoNce }) => infoNce !== null) ? 'infoNce' : 'entropy');
    if (best) {
      const by = best.key === 'infoNce' ? 'knows disturbed samples best again' : 'has the most entropy';
      own.push(
        `${name}: ${label(best.at)} ${by} (${shortNumber(best.value)}): take features from there first.`,
      );
    }
    const flat = value.flatMap(({ residual }, at) =>
      residual !== null && residual < COLLAPSED ? [label(at)] : [],
    );
    if (flat.length > 0)
      own.push(`${name}: the tokens of a sample have become almost one in ${flat.join(', ')}.`);
    const change = largestChange(run, runs);
    if (change) {
      const way = change.by > 0 ? 'richer' : 'narrower';
      own.push(
        `${name}: training made ${label(change.at)} ${way} most (entropy ${change.by > 0 ? '+' : '−'}${shortNumber(Math.abs(change.by))}).`,
      );
    }
    return own;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'Which layer to take features from',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(lines.length > 0 ? lines : ['No layer stands out.']),
      'Limits: none of the figures knows a label. They find candidates; a linear probe on your labels (lens concept-depth) decides.',
    ].join('\n'),
  };
}

function bestPlace(
  places: readonly PlaceInformation[],
  key: Key,
): { readonly at: number; readonly value: number; readonly key: Key } | null {
  let best: { at: number; value: number; key: Key } | null = null;
  for (const [at, place] of places.entries()) {
    const value = place[key];
    if (value !== null && (best === null || value > best.value)) best = { at, value, key };
  }
  return best;
}

function largestChange(run: Run, runs: readonly Run[]): { readonly at: number; readonly by: number } | null {
  const base = baseOf(run, runs);
  let most: { at: number; by: number } | null = null;
  for (const [at, { entropy }] of run.value.entries()) {
    const before = base?.value[at]?.entropy ?? null;
    if (entropy === null || before === null) continue;
    const by = entropy - before;
    if (Math.abs(by) > Math.max(MOVED, Math.abs(most?.by ?? 0))) most = { at, by };
  }
  return most;
}
