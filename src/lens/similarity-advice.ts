import type { Study } from '../model/study';
import type { Note } from '../protocol/artifact';
import type { OpposedPair } from './similarity-scopes';
import type { Grouping } from './task-groups';
import { countText, namesText, shortNumber } from './wording';

/** Cosines nearer to 0 than this are what unrelated task vectors have, too. */
export const OPPOSED_BELOW = -0.1;
/** Below this mean silhouette there is no structure to speak of (Kaufman, Rousseeuw 1990). */
const CLEAR = 0.25;
const PAIRS_SHOWN = 5;
const GROUPS_SHOWN = 8;

/** In words: which tasks pull against each other and where, and which to merge together. */
export function similarityAdvice(
  study: Study,
  grouping: Grouping,
  opposed: readonly OpposedPair[],
  mean: number | null,
): Note {
  const nameOf = (task: number) => study.tasks[task]?.name ?? '';
  const pairs = opposed
    .slice(0, PAIRS_SHOWN)
    .map(
      ({ a, b, place, cosine }) =>
        `${nameOf(a)} and ${nameOf(b)} pull against each other in ${place} (cosine ${shortNumber(cosine)}): merged there, they cancel in part. Keep that part apart or give one of them less weight.`,
    );
  if (opposed.length > PAIRS_SHOWN) {
    pairs.push(
      `${countText(opposed.length - PAIRS_SHOWN, 'more pair')} of tasks oppose each other somewhere.`,
    );
  }
  if (opposed.length === 0) {
    pairs.push(
      `No two tasks have a cosine below ${shortNumber(OPPOSED_BELOW)} in the attention, MLP or norms of any layer.`,
    );
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to merge, and where tasks disagree',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...pairs,
      ...groupLines(nameOf, grouping, mean),
      'Limits: cosines tell directions, not accuracy. Opposed changes may be harmless, and orthogonal ones may still interfere: try the merge and measure it.',
    ].join('\n'),
  };
}

function groupLines(nameOf: (task: number) => string, grouping: Grouping, mean: number | null): string[] {
  const { groups, count } = grouping;
  if (count < 2) {
    const average = mean === null ? '' : ` The mean cosine of two tasks is ${shortNumber(mean)}.`;
    return [`No groups stand out: the tasks are about equally far from each other.${average}`];
  }
  const members = Array.from({ length: count }, (_, group) =>
    groups.flatMap((own, task) => (own === group ? [nameOf(task)] : [])),
  );
  const several = members.filter((names) => names.length > 1);
  const lines = several.slice(0, GROUPS_SHOWN).map((names) => {
    return `Merge together first: ${namesText(names)}.`;
  });
  const weak = grouping.mean !== null && grouping.mean < CLEAR;
  const strength =
    grouping.mean === null
      ? []
      : [
          `${countText(count, 'group')}, mean silhouette ${shortNumber(grouping.mean)}${weak ? ': a weak grouping, hardly better than none' : ''}.`,
        ];
  return [...lines, ...strength];
}
