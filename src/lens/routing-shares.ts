import { numberMean } from './activations/number-mean';
import { type RunRouting } from './activations/token-routing';

export type Measure = 'weight' | 'first';

export const MEASURES: Readonly<Record<Measure, { readonly title: string; readonly unit: string }>> = {
  weight: { title: 'share of the routing weight', unit: 'share of weight' },
  first: { title: 'share of tokens whose first choice it is', unit: 'share of tokens' },
};

/** Mean over sites of an adapter's share; `null` where it is at none of them. */
export function shareOf(
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
