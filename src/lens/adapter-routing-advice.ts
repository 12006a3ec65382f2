import type { Note } from '../protocol/artifact';
import { prototypeCosine, type AdapterSite } from './activations/adapter-sites';
import { numberMean } from './activations/number-mean';
import { ROUTERS, type RoutedRuns } from './activations/token-routing';
import { agreementOf } from './adapter-agreement';
import { recommendation } from './recommendation';
import { namesText, percent, shortNumber } from './wording';

/** Agreement so far above chance, as a part of what is left above it, is worth routing by. */
const GOOD = 0.5;
/** Prototypes with a mean |cos| of so much are hardly told apart. */
const ALIKE = 0.8;
/** An adapter that wins this share of every data set's weight is what the router always chooses. */
const ALWAYS = 0.6;

/** What the routing is good for, in words. */
export function routingAdvice(
  names: readonly string[],
  sites: readonly AdapterSite[],
  routed: readonly RoutedRuns[],
): Note {
  const lines = routed.flatMap((each) => [...agreementLines(each, names), ...alwaysLines(each, names)]);
  lines.push(...alikeLines(sites, names));
  if (!routed.some(({ rule }) => rule.kind === 'phatgoose')) {
    lines.push(
      'No two adapter files hold trained gates for the same matrix, so only Arrow can be simulated; PHATGOOSE trains a gate vector for each adapter.',
    );
  }
  return recommendation(
    'Can these adapters be routed without training?',
    lines,
    'inputs are those of the base: in a routed model every choice changes what later layers see. A choice is judged by the task of the data set, not by the loss that it leads to.',
  );
}

function agreementLines({ rule, runs }: RoutedRuns, names: readonly string[]): readonly string[] {
  return runs.flatMap(({ name, value }) => {
    const agreement = agreementOf(name, names, value);
    if (agreement === null || agreement.tokens === null || agreement.chance === null) return [];
    const { tokens, chance, samples } = agreement;
    const gain = (tokens - chance) / (1 - chance);
    const verdict =
      gain >= GOOD
        ? 'it can be routed'
        : (samples ?? 0) > 0.9
          ? 'route whole samples, not tokens'
          : tokens < chance
            ? 'worse than by lot: choose its adapter yourself'
            : 'better than by lot, but choose its adapter yourself';
    return [
      `${ROUTERS[rule.kind]}, ${name}: ${percent(tokens)} of the tokens go to their own adapter first (by chance ${percent(chance)}), ${samples === null ? 'no sample' : `${percent(samples)} of the samples`} as a whole: ${verdict}.`,
    ];
  });
}

function alwaysLines({ rule, runs }: RoutedRuns, names: readonly string[]): readonly string[] {
  return names.flatMap((name, adapter) => {
    const won = runs.map(
      ({ value }) => numberMean(value.sites.map((site) => site?.weight[adapter] ?? null)) ?? 0,
    );
    if (runs.length < 2 || won.some((share) => share < ALWAYS)) return [];
    return [
      `${ROUTERS[rule.kind]} sends every data set to ${name} (at least ${percent(Math.min(...won))} of the weight): its prototype lies along what all inputs share. route with trained gates, which see standardised inputs, or leave it out.`,
    ];
  });
}

function alikeLines(sites: readonly AdapterSite[], names: readonly string[]): readonly string[] {
  const pairs = names.flatMap((a, i) =>
    names.slice(i + 1).flatMap((b, k) => {
      const cosine = numberMean(
        sites.map(({ adapters }) => {
          const [x, y] = [adapters[i], adapters[i + 1 + k]];
          return x && y ? prototypeCosine(x, y) : null;
        }),
      );
      return cosine !== null && cosine >= ALIKE ? [`${a} and ${b} (${shortNumber(cosine)})`] : [];
    }),
  );
  return pairs.length === 0
    ? []
    : [`Arrow hardly tells these apart by their prototypes: ${namesText(pairs)}. Keep one of each pair.`];
}
