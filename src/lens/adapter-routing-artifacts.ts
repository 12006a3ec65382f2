import type { TaskVector } from '../model/task-vector';
import type { Artifact, AxisEntry, Matrix, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { prototypeCosine, type AdapterSite } from './activations/adapter-sites';
import { layerCurves } from './activations/layer-curves';
import type { Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { ROUTERS, type RoutedRuns, type RunRouting } from './activations/token-routing';
import { agreementOf, type Agreement } from './adapter-agreement';
import { routingAdvice } from './adapter-routing-advice';
import { MEASURES, shareOf } from './routing-shares';
import { agreementTable, moduleTable, prototypeTable } from './adapter-routing-tables';

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
