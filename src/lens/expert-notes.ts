import type { Note } from '../protocol/artifact';
import { expertAdvice } from './expert-advice';
import type { DrawnLayer } from './expert-artifacts';
import { namesText, wholeText } from './wording';

/** Experts closer than this to their mean were copied from one network. */
const COPIED_BELOW = 0.3;

/** What to do about experts, in words: near-duplicates, copies that never moved apart, dead experts. */
export function expertNotes(layers: readonly DrawnLayer[], unmatched: number): Note[] {
  return [
    copied(layers),
    dead(layers),
    layers.length > 0 ? expertAdvice(layers) : null,
    notMatched(layers.length, unmatched),
  ].flatMap((note) => note ?? []);
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
    text: `${namesText(found, 6, '; ')}: remove them with their router rows. Limits: proxy, judged by the length of weights and router rows; confirm on data that no token is sent there.`,
  };
}

function notMatched(layers: number, unmatched: number): Note | null {
  if (unmatched === 0) return null;
  return {
    kind: 'note',
    id: 'not-matched',
    title: 'Hidden units were not matched everywhere',
    severity: 'information',
    text: `In ${wholeText(unmatched)} of ${wholeText(layers)} layers the experts are too large to match their hidden units, so only plain cosines are shown: two experts may do the same with their units in another order and still have a cosine near 0. Raise "match_neurons" to match them; the time grows with its cube.`,
  };
}

function named(layers: readonly DrawnLayer[]): string {
  return namesText(
    layers.map(({ model, layer }) => `${model.name}, ${layer.label}`),
    6,
    '; ',
  );
}
