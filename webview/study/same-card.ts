import type { LensDescription, ParameterValues } from '../../src/protocol/lens';
import type { StudyCard } from '../../src/protocol/panel';

/** The declared defaults, so that two cards which mean the same are the same. */
export function defaultsOf(lens: LensDescription): ParameterValues {
  return Object.fromEntries(lens.parameters.map(({ name, default: value }) => [name, value]));
}

/** The same for parameters in any order. */
function parametersKey(parameters: ParameterValues): string {
  return JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The card that shows a lens with these parameters already. */
export function sameCard<C extends { readonly state: Pick<StudyCard, 'lens' | 'parameters'> }>(
  cards: readonly C[],
  lens: string,
  parameters: ParameterValues,
): C | undefined {
  const wanted = parametersKey(parameters);
  return cards.find(({ state }) => state.lens === lens && parametersKey(state.parameters) === wanted);
}

/** A name that none of the cards has. */
export function freshId(cards: readonly { readonly id: string }[]): string {
  const numbers = cards.map(({ id }) => Number(/\d+$/.exec(id)?.[0] ?? 0));
  return `card-${String(Math.max(0, ...numbers) + 1)}`;
}
