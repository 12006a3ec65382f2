import { numberMean } from './activations/number-mean';
import type { RunRouting } from './activations/token-routing';

/** How far routing finds the adapters that were trained on a data set. */
export interface Agreement {
  /** Share of tokens whose first choice is one of them, by site; `null` where none of them is there, or nobody else. */
  readonly sites: readonly (number | null)[];
  /** The mean of these. */
  readonly tokens: number | null;
  /** Share of samples with most of their weight, over all tokens and sites, on one of them; `null` where none was routed. */
  readonly samples: number | null;
  /** What choosing by lot would reach. */
  readonly chance: number | null;
}

/**
 * The adapters that belong to a data set, as indices: those of its name, and those whose name is its name with something
 * behind a separator (`json-r8`, `json_v2` of `json`).
 */
export function ownAdapters(data: string, adapters: readonly string[]): readonly number[] {
  return adapters.flatMap((name, at) => {
    const rest = name.startsWith(data) ? name.slice(data.length) : null;
    return rest === '' || (rest !== null && /^[^\p{L}\p{N}]/u.test(rest)) ? [at] : [];
  });
}

/** Agreement of routing with the task of a data set; `null` where no adapter, or every one, belongs to it. */
export function agreementOf(
  data: string,
  adapters: readonly string[],
  { sites, votes }: RunRouting,
): Agreement | null {
  const own = new Set(ownAdapters(data, adapters));
  if (own.size === 0 || own.size === adapters.length) return null;
  const choices = sites.map((site) => {
    const members = site?.members.filter((member) => own.has(member)) ?? [];
    return site === null || members.length === 0 || members.length === site.members.length
      ? null
      : { site, members };
  });
  const bySite = choices.map(
    (choice) => choice && choice.members.reduce((sum, member) => sum + (choice.site.first[member] ?? 0), 0),
  );
  const chances = choices.map((choice) => choice && choice.members.length / choice.site.members.length);
  // A sample that no token of was routed has chosen nobody.
  const routed = votes.filter((vote) => vote.some((weight) => weight > 0));
  const right = routed.filter((vote) => own.has(vote.indexOf(Math.max(...vote)))).length;
  return {
    sites: bySite,
    tokens: numberMean(bySite),
    samples: routed.length > 0 ? right / routed.length : null,
    chance: numberMean(chances),
  };
}
