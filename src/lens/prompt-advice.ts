import type { Note } from '../protocol/artifact';
import { promptFigures, type PromptView } from './prompt-tables';
import { recommendation } from './recommendation';
import { countText, namesText, shortNumber } from './wording';

/** From here on two prompts do the same. */
const DUPLICATE = 0.98;
/** Vectors longer than tokens by this are far from anything the network read before. */
const LONG = 5;
/** Below this cosine a nearest token is no neighbour. */
const NEIGHBOUR = 0.3;
/** Members of a group are called alike from this matched cosine on. */
const ALIKE = 0.5;

/** What to do about the prompts. */
export function promptAdvice(view: PromptView, groups: number, hasBase: boolean): Note {
  const { prompts, pairs, vocabulary } = view;
  const n = prompts.length;
  const figures = prompts.map((prompt) => ({ prompt, figures: promptFigures(prompt, vocabulary) }));
  const named = (kept: typeof figures) => namesText(kept.map(({ prompt }) => prompt.name), 4); // prettier-ignore
  const duplicates = prompts.flatMap(({ name }, i) =>
    prompts.slice(i + 1).flatMap((other, offset) => {
      const matched = pairs[i * n + i + 1 + offset]?.matched ?? 0;
      return matched > DUPLICATE ? [`${name} and ${other.name}`] : [];
    }),
  );
  const repeating = figures.filter(({ figures: { repeated } }) => repeated > 0);
  const long = figures.filter(({ figures: { ratio } }) => (ratio ?? 0) > LONG);
  const readable = figures.filter(({ figures: { nearest } }) => (nearest ?? 0) >= NEIGHBOUR);
  const zero = figures.filter(({ figures: { length } }) => length === 0);
  const members = Array.from({ length: groups }, (_, group) =>
    prompts.flatMap(({ name }, at) => (view.groups[at] === group ? [{ name, at }] : [])),
  ).filter(
    (group) =>
      group.length > 1 &&
      isAlike(
        group.map(({ at }) => at),
        view,
      ),
  );
  return recommendation(
    'What to share, and what to shorten',
    [
      ...(zero.length > 0 ? [`${named(zero)}: only zeros, so it was never trained or saved wrongly.`] : []),
      ...(duplicates.length > 0 ? [`Nearly the same, keep one of each: ${namesText(duplicates, 4)}.`] : []),
      ...(members.length > 0
        ? [`Alike, and candidates for one shared prompt or for starting from one another: ${namesText(members.map((group) => namesText(group.map(({ name }) => name), 4)), 4, '; ')}.`]
        : []),
      ...repeating.slice(0, 4).map(({ prompt, figures: { repeated, effectiveRank } }) =>
        `${prompt.name}: ${countText(repeated, 'vector')} of ${String(prompt.vectors.rows)} repeat others (effective rank ${shortNumber(effectiveRank ?? 0)}); a shorter prompt may do.`,
      ),
      ...(long.length > 0
        ? [`${named(long)}: vectors more than ${String(LONG)} times as long as token embeddings; their nearest tokens explain nothing.`]
        : []),
      ...(vocabulary && readable.length > 0 ? [`${named(readable)}: near enough to tokens to be read as words.`] : []),
    ],
    `similar weights are no proof of transfer, which only a measurement shows; distance from the initialisation needs the initial prompt as another task${hasBase ? '' : '; without the base nothing is said of tokens'}. Proxy: the overlap of the neurons that prompts activate, which Su et al. found to predict transfer best, needs a run of the network and is not shown.`,
  ); // prettier-ignore
}

function isAlike(group: readonly number[], { prompts, pairs }: PromptView): boolean {
  const n = prompts.length;
  return group.every((i) => group.every((j) => (pairs[i * n + j]?.matched ?? 0) >= ALIKE));
}
