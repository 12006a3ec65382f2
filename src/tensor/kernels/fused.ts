import type { FusedItem, FusedOutcome, PassOutcome, SingleItem } from '../pass';
import type { ChunkReducer, Scratch } from './kernel';

/** Several items over the same chunks, each given the bytes of its own spans. `prepare` is that of single items. */
export function prepareFused(
  { parts }: FusedItem,
  scratch: Scratch,
  prepare: (item: SingleItem, scratch: Scratch) => ChunkReducer,
): ChunkReducer<FusedOutcome> {
  const reducers = parts.map(({ item, slots }) => ({ slots, reduce: prepare(item, scratch) }));
  return ({ start, end, bytes }) => ({
    kind: 'fused',
    outcomes: reducers.map(({ slots, reduce }) =>
      reduce({ start, end, bytes: slots.map((slot) => bytes[slot] ?? EMPTY) }),
    ),
  });
}

const EMPTY = new Uint8Array(0);

/** Part by part, by the rule of single items. */
export function mergeFused(
  before: FusedOutcome,
  after: FusedOutcome,
  merge: (before: PassOutcome, after: PassOutcome) => PassOutcome,
): FusedOutcome {
  const outcomes = before.outcomes.map((outcome, part) => {
    const next = after.outcomes[part];
    return next === undefined ? outcome : merge(outcome, next);
  });
  return { kind: 'fused', outcomes };
}
