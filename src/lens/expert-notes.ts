import type { Note } from '../protocol/artifact';
import type { DrawnLayer } from './expert-artifacts';

/** Experts above this cosine do nearly the same. */
const NEARLY_SAME = 0.95;
/** Experts closer than this to their mean were copied from one network. */
const COPIED_BELOW = 0.3;
const MOST_NAMED = 6;

/** What to do about experts, in words: near-duplicates, copies that never moved apart, dead experts. */
export function expertNotes(layers: readonly DrawnLayer[], unmatched: number): Note[] {
  return [copied(layers), duplicates(layers), dead(layers), notMatched(layers.length, unmatched)].flatMap(
    (note) => note ?? [],
  );
}

function copied(layers: readonly DrawnLayer[]): Note | null {
  const close = layers.filter(({ figures }) => {
    const deviations = figures.flatMap(({ deviation }) => deviation ?? []);
    return deviations.length > 0 && deviations.every((deviation) => deviation < COPIED_BELOW);
  });
  if (close.length === 0) return null;
  return {
    kind: 'note',
    id: 'copied',
    title: 'Experts that were copied from one network',
    severity: 'information',
    role: 'verdict',
    text: `In ${named(close)} every expert lies within ${String(COPIED_BELOW * 100)} % of the mean expert: the mixture was made of copies of one network, and they have hardly moved apart.`,
  };
}

function duplicates(layers: readonly DrawnLayer[]): Note | null {
  const pairs = layers.flatMap(({ model, layer, figures }) =>
    figures.flatMap(({ label, nearest, nearestMatched }) => {
      const best = nearestMatched ?? nearest;
      return best && best.cosine > NEARLY_SAME
        ? [`${model.name}, ${layer.label}: ${label} and ${best.label}`]
        : [];
    }),
  );
  if (pairs.length === 0) return null;
  return {
    kind: 'note',
    id: 'duplicates',
    title: 'Experts that do nearly the same',
    severity: 'information',
    role: 'recommendation',
    text: `${list(pairs)} have a cosine above ${String(NEARLY_SAME)}: they are candidates for merging into one, with their router rows. Weights alone do not show how often each is picked; check the loss on your own data before pruning.`,
  };
}

function dead(layers: readonly DrawnLayer[]): Note | null {
  const found = layers.flatMap(({ model, layer, figures }) =>
    figures.flatMap(({ label, dead: reason }) =>
      reason === null ? [] : [`${model.name}, ${layer.label}: ${label} (${reason})`],
    ),
  );
  if (found.length === 0) return null;
  return {
    kind: 'note',
    id: 'dead',
    title: 'Experts that look dead',
    severity: 'warning',
    role: 'recommendation',
    text: `${list(found)}. proxy: judged by the length of weights and router rows. They can be removed with their router rows if data confirm that no token is sent there.`,
  };
}

function notMatched(layers: number, unmatched: number): Note | null {
  if (unmatched === 0) return null;
  return {
    kind: 'note',
    id: 'not-matched',
    title: 'Hidden units were not matched everywhere',
    severity: 'information',
    text: `In ${String(unmatched)} of ${String(layers)} layers the experts are too large to match their hidden units, so only plain cosines are shown: two experts may do the same with their units in another order and still have a cosine near 0. Raise "match_neurons" to match them; the time grows with its cube.`,
  };
}

function named(layers: readonly DrawnLayer[]): string {
  return list(layers.map(({ model, layer }) => `${model.name}, ${layer.label}`));
}

function list(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_NAMED).join('; ');
  return texts.length > MOST_NAMED ? `${shown} and ${String(texts.length - MOST_NAMED)} more` : shown;
}
