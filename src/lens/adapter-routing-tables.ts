import type { Table } from '../protocol/artifact';
import { prototypeCosine, type AdapterSite } from './activations/adapter-sites';
import { ROUTERS, type RoutedRuns, type RouterKind, type SiteRouting } from './activations/token-routing';
import { agreementOf, ownAdapters } from './adapter-agreement';
import { shareOf } from './routing-shares';

/** One row per router and data set: who wins it, and whether those are its own adapters. */
export function agreementTable(routed: readonly RoutedRuns[], names: readonly string[]): Table {
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

/** One row per router, data set, matrix and adapter. */
export function moduleTable(
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

/** One row per matrix and adapter: how well one direction stands for it, and who is nearest. */
export function prototypeTable(sites: readonly AdapterSite[], names: readonly string[]): Table {
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
