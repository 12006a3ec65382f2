import { lackFor, type Lack } from '../../src/protocol/lens-fit';
import type { LensDescription } from '../../src/protocol/lens';
import type { StudySpec } from '../../src/protocol/study';
import { PART_NAMES, type StudyFacts } from '../../src/protocol/study-facts';

/** A lens of the list, with what the study lacks for it. */
export interface ListedLens {
  readonly lens: LensDescription;
  /** `null`: it can run. */
  readonly lack: string | null;
}

/**
 * The lenses that match what was typed: those that fit the study first, each group in the order of the registry, but those with the words in
 * their title or id before those with the words in their summary only. Every word must occur.
 */
export function listLenses(
  lenses: readonly LensDescription[],
  study: StudySpec,
  facts: StudyFacts | null,
  typed: string,
): readonly ListedLens[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const name = ({ title, id }: LensDescription) => `${title} ${id}`;
  const matching = lenses.filter((lens) => has(`${name(lens)} ${lens.summary}`));
  const named = matching.filter((lens) => has(name(lens)));
  const sorted = [...named, ...matching.filter((lens) => !named.includes(lens))];
  const listed = sorted.map((lens) => {
    const lack = lackFor(lens.needs, study, facts);
    return { lens, lack: lack && lackText(lack) };
  });
  return [...listed.filter(({ lack }) => lack === null), ...listed.filter(({ lack }) => lack !== null)];
}

function lackText(lack: Lack): string {
  switch (lack.lack) {
    case 'base':
      return 'needs a base';
    case 'tasks':
      return `needs at least ${String(lack.minimum)} tasks`;
    case 'data':
      return 'needs a graph and data';
    case 'run':
    case 'experts':
    case 'attention':
    case 'vocabulary':
    case 'adapter':
    case 'prompt':
    case 'mixture':
    case 'memory':
    case 'hypernetwork':
      return `needs ${PART_NAMES[lack.lack]}`;
  }
}
