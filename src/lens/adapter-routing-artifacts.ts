import type { TaskVector } from '../model/task-vector';
import type { Artifact, AxisEntry, Matrix, Series, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { prototypeCosine, type AdapterSite } from './activations/adapter-sites';
import { layerCurves } from './activations/layer-curves';
import type { Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import {
  ROUTERS,
  type RoutedRuns,
  type RouterKind,
  type RunRouting,
  type SiteRouting,
} from './activations/token-routing';
import { agreementOf, ownAdapters, type Agreement } from './adapter-agreement';
import { routingAdvice } from './adapter-routing-advice';

/** All that is shown of routed data sets. */
export function routingArtifacts(
  tasks: readonly TaskVector[],
  sites: readonly AdapterSite[],
  routed: readonly RoutedRuns[],
): readonly Artifact[] {
  const layers = layersOf(sites);
  const names = tasks.map(({ name }) => name);
  const several = routed.length > 1;
  return [
    routingAdvice(names, sites, routed),
    ...routed.flatMap((each) => {
      const agreements = each.runs.map((run) => agreementOf(run.name, names, run.value));
      return [
        ...winners(each, names, several),
        ...shares(each, names, layers, several),
        entropies(each, layers, several),
        ...agreementCurves(each, agreements, layers, several),
      ];
    }),
    prototypes(sites, names),
    agreementTable(routed, names),
    moduleTable(routed, sites, names),
    prototypeTable(sites, names),
  ];
}

/** A layer with the sites in it, as indices. */
interface SiteLayer {
  readonly entry: AxisEntry;
  readonly sites: readonly number[];
}

function layersOf(sites: readonly AdapterSite[]): readonly SiteLayer[] {
  const rows = new Map<string, { readonly entry: AxisEntry; readonly sites: number[] }>();
  sites.forEach(({ layer, label }, at) => {
    const own = rows.get(layer) ?? { entry: { label, layer }, sites: [] };
    own.sites.push(at);
    rows.set(layer, own);
  });
  return [...rows.values()];
}

type Measure = 'weight' | 'first';

const MEASURES: Readonly<Record<Measure, { readonly title: string; readonly unit: string }>> = {
  weight: { title: 'share of the routing weight', unit: 'share of weight' },
  first: { title: 'share of tokens whose first choice it is', unit: 'share of tokens' },
};

/** Mean over sites of an adapter's share; `null` where it is at none of them. */
function shareOf(
  routing: RunRouting,
  sites: readonly number[],
  adapter: number,
  measure: Measure,
): number | null {
  return numberMean(
    sites.map((at) => {
      const own = routing.sites[at];
      return own?.members.includes(adapter) === true ? (own[measure][adapter] ?? null) : null;
    }),
  );
}

function captionOf({ rule, runs }: RoutedRuns, run?: Measured<RunRouting>): string {
  const whose = run === undefined ? [...new Set(runs.map(({ caption }) => caption))].join(' ') : run.caption;
  const divisor = rule.temperature > 0 ? String(rule.temperature) : '√d';
  const how = rule.kind === 'arrow' ? `${ROUTERS.arrow}, temperature ${divisor}` : ROUTERS.phatgoose;
  return `${how}, ${String(rule.top)} adapters a token, on inputs of the base (proxy: a routed model has others). ${whose}`;
}

function suffix({ rule }: RoutedRuns, several: boolean): string {
  return several ? `:${rule.kind}` : '';
}

function adapterEntries(names: readonly string[]): readonly AxisEntry[] {
  return names.map((name) => ({ label: name, task: name }));
}

/** Data set × adapter. */
function winners(routed: RoutedRuns, names: readonly string[], several: boolean): readonly Matrix[] {
  return (['weight', 'first'] as const).map((measure) => ({
    kind: 'matrix',
    id: `${measure === 'weight' ? 'winners' : 'first_choices'}${suffix(routed, several)}`,
    title: `Where data sets go: ${MEASURES[measure].title}`,
    facets: { measure, ...(several ? { router: ROUTERS[routed.rule.kind] } : {}) },
    caption: `${captionOf(routed)} Mean over all matrices.`,
    rows: routed.runs.map(({ name }) => ({ label: name })),
    columns: adapterEntries(names),
    rowTitle: 'data set',
    columnTitle: 'adapter',
    values: packNumbers(
      routed.runs.flatMap(({ value }) =>
        names.map((_, adapter) => shareOf(value, [...value.sites.keys()], adapter, measure)),
      ),
    ),
    unit: MEASURES[measure].unit,
    scale: 'sequential',
    domain: [0, 1],
  }));
}

/** Layer × adapter, for every data set. */
function shares(
  routed: RoutedRuns,
  names: readonly string[],
  layers: readonly SiteLayer[],
  several: boolean,
): readonly Matrix[] {
  return routed.runs.flatMap((run) =>
    (['weight', 'first'] as const).map((measure): Matrix => ({
      kind: 'matrix',
      id: `${measure === 'weight' ? 'shares' : 'first'}:${run.name}${suffix(routed, several)}`,
      title: `Where tokens of ${run.name} go: ${MEASURES[measure].title}`,
      facets: { data: run.name, measure, ...(several ? { router: ROUTERS[routed.rule.kind] } : {}) },
      caption: `${captionOf(routed, run)} Mean over the matrices of a layer.`,
      rows: layers.map(({ entry }) => entry),
      columns: adapterEntries(names),
      rowTitle: 'layer',
      columnTitle: 'adapter',
      values: packNumbers(
        layers.flatMap(({ sites }) => names.map((_, adapter) => shareOf(run.value, sites, adapter, measure))),
      ),
      unit: MEASURES[measure].unit,
      scale: 'sequential',
      domain: [0, 1],
    })),
  );
}

function entropies(routed: RoutedRuns, layers: readonly SiteLayer[], several: boolean): Series {
  return layerCurves(
    {
      id: `entropy${suffix(routed, several)}`,
      title: 'Entropy of the routing',
      unit: 'share of ln of the adapters',
    },
    layers.map(({ entry }) => entry),
    routed.runs,
    (value, at) => numberMean((layers[at]?.sites ?? []).map((site) => value.sites[site]?.entropy ?? null)),
    {
      caption: `${captionOf(routed)} Of the softmax over all adapters, mean over tokens and matrices of a layer; 1: no adapter is preferred.`,
      ...(several ? { facets: { router: ROUTERS[routed.rule.kind] } } : {}),
    },
  );
}

/** Share of tokens that go to an adapter of their own task first, along the layers; nothing where no data set has one. */
function agreementCurves(
  routed: RoutedRuns,
  agreements: readonly (Agreement | null)[],
  layers: readonly SiteLayer[],
  several: boolean,
): readonly Series[] {
  const known = routed.runs.flatMap((run, at) => {
    const agreement = agreements[at];
    return agreement ? [{ ...run, value: agreement }] : [];
  });
  if (known.length === 0) return [];
  const chances = [
    ...new Set(known.flatMap(({ value }) => (value.chance === null ? [] : [value.chance.toFixed(2)]))),
  ];
  return [
    layerCurves(
      {
        id: `agreement${suffix(routed, several)}`,
        title: 'Tokens that go to their own adapter',
        unit: 'share of tokens',
      },
      layers.map(({ entry }) => entry),
      known,
      (value, at) => numberMean((layers[at]?.sites ?? []).map((site) => value.sites[site] ?? null)),
      {
        caption: `${captionOf(routed)} First choices; by chance ${chances.join(' or ')}.`,
        ...(several ? { facets: { router: ROUTERS[routed.rule.kind] } } : {}),
      },
    ),
  ];
}

/** Mean |cos| of the prototypes of two adapters over the matrices that both change. */
function prototypes(sites: readonly AdapterSite[], names: readonly string[]): Matrix {
  return {
    kind: 'matrix',
    id: 'prototypes',
    title: 'How alike the prototypes of two adapters are',
    caption: 'Mean of |cos| over the matrices that both change: near 1, Arrow cannot tell them apart.',
    rows: adapterEntries(names),
    columns: adapterEntries(names),
    rowTitle: 'adapter',
    columnTitle: 'adapter',
    values: packNumbers(
      names.flatMap((_, i) =>
        names.map((__, j) =>
          numberMean(
            sites.map(({ adapters }) => {
              const [x, y] = [adapters[i], adapters[j]];
              return x && y ? prototypeCosine(x, y) : null;
            }),
          ),
        ),
      ),
    ),
    unit: '|cos|',
    scale: 'sequential',
    domain: [0, 1],
  };
}

function agreementTable(routed: readonly RoutedRuns[], names: readonly string[]): Table {
  return {
    kind: 'table',
    id: 'data_sets',
    title: 'Data sets and the adapters that win them',
    columns: [
      { name: 'router', title: 'Router', type: 'text' },
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'winner', title: 'Winner by weight', type: 'text' },
      { name: 'weight', title: 'Its weight', type: 'share' },
      { name: 'own', title: 'Own adapters', type: 'text' },
      { name: 'agreement', title: 'Tokens that go to them first', type: 'share' },
      { name: 'samples_right', title: 'Samples whose weight is theirs', type: 'share' },
      { name: 'chance', title: 'By chance', type: 'share' },
      { name: 'tokens', title: 'Tokens', type: 'integer' },
    ],
    rows: routed.flatMap(({ rule, runs }) =>
      runs.map(({ name, value }) => {
        const all = [...value.sites.keys()];
        const weights = names.map((_, adapter) => shareOf(value, all, adapter, 'weight') ?? 0);
        const best = weights.indexOf(Math.max(...weights));
        const agreement = agreementOf(name, names, value);
        return [
          ROUTERS[rule.kind],
          name,
          names[best] ?? null,
          weights[best] ?? null,
          ownAdapters(name, names)
            .map((at) => names[at])
            .join(', ') || null,
          agreement?.tokens ?? null,
          agreement?.samples ?? null,
          agreement?.chance ?? null,
          value.sites.find((site) => site !== null)?.tokens ?? null,
        ];
      }),
    ),
  };
}

function moduleTable(
  routed: readonly RoutedRuns[],
  sites: readonly AdapterSite[],
  names: readonly string[],
): Table {
  const row = (kind: RouterKind, data: string, site: AdapterSite, own: SiteRouting) => {
    const mine = ownAdapters(data, names).filter((adapter) => own.members.includes(adapter));
    return own.members.map((adapter) => [
      ROUTERS[kind],
      data,
      site.layer,
      site.module,
      site.tensor,
      names[adapter] ?? '',
      own.first[adapter] ?? null,
      own.weight[adapter] ?? null,
      own.entropy,
      mine.length > 0 ? mine.includes(adapter) : null,
    ]);
  };
  return {
    kind: 'table',
    id: 'modules',
    title: 'Routing in every matrix',
    columns: [
      { name: 'router', title: 'Router', type: 'text' },
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'first_share', title: 'First choice of', type: 'share' },
      { name: 'weight', title: 'Weight', type: 'share' },
      { name: 'entropy', title: 'Entropy', type: 'number' },
      { name: 'own', title: 'Of this task', type: 'boolean' },
    ],
    rows: routed.flatMap(({ rule, runs }) =>
      runs.flatMap(({ name, value }) =>
        sites.flatMap((site, at) => {
          const own = value.sites[at];
          return own ? row(rule.kind, name, site, own) : [];
        }),
      ),
    ),
  };
}

function prototypeTable(sites: readonly AdapterSite[], names: readonly string[]): Table {
  return {
    kind: 'table',
    id: 'prototype_shares',
    title: 'What each prototype stands for',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'share', title: 'Share of ‖ΔW‖² along the prototype', type: 'share' },
      { name: 'nearest', title: 'Nearest prototype', type: 'text' },
      { name: 'cosine', title: '|cos| with it', type: 'number' },
      { name: 'gate', title: 'Has a trained gate', type: 'boolean' },
    ],
    rows: sites.flatMap(({ tensor, adapters }) =>
      adapters.flatMap((own, at) => {
        if (own === null) return [];
        const others = adapters.flatMap((other, k) =>
          other === null || k === at ? [] : [{ k, cosine: prototypeCosine(own, other) }],
        );
        const [nearest] = others.sort((x, y) => y.cosine - x.cosine);
        const name = nearest === undefined ? null : (names[nearest.k] ?? null);
        return [[tensor, names[at] ?? '', own.share, name, nearest?.cosine ?? null, own.gate !== null]];
      }),
    ),
  };
}
