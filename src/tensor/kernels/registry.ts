import type { FusedItem, PassOutcome, SingleItem } from '../pass';
import { axisSquares } from './axis-squares';
import { deltaHistogram, deltaMoments } from './delta';
import { mergeFused, prepareFused } from './fused';
import { group } from './group';
import { histogram } from './histogram';
import type { ChunkReducer, Scratch } from './kernel';
import { magnitudeValues } from './magnitude-values';
import { magnitudes } from './magnitudes';
import { masks } from './masks';
import { moments } from './moments';
import { rowBands } from './row-bands';
import { rowProducts } from './row-products';
import { signs } from './signs';

/** Items that are worked off chunk by chunk: all but matrices. */
export type ChunkedItem = SingleItem | FusedItem;

/** What turns the chunks of an item into contributions; runs in a worker. */
export function prepare(item: ChunkedItem, scratch: Scratch): ChunkReducer {
  switch (item.kind) {
    case 'fused':
      return prepareFused(item, scratch, prepare);
    case 'moments':
      return moments.prepare(item, scratch);
    case 'histogram':
      return histogram.prepare(item, scratch);
    case 'group':
      return group.prepare(item, scratch);
    case 'deltaMoments':
      return deltaMoments.prepare(item, scratch);
    case 'deltaHistogram':
      return deltaHistogram.prepare(item, scratch);
    case 'axisSquares':
      return axisSquares.prepare(item, scratch);
    case 'signs':
      return signs.prepare(item, scratch);
    case 'masks':
      return masks.prepare(item, scratch);
    case 'magnitudes':
      return magnitudes.prepare(item, scratch);
    case 'magnitudeValues':
      return magnitudeValues.prepare(item, scratch);
    case 'rowBands':
      return rowBands.prepare(item, scratch);
    case 'rowProducts':
      return rowProducts.prepare(item, scratch);
  }
}

/** Two neighbouring contributions to the same item as one; `before` covers the lower indices. */
export function merge(before: PassOutcome, after: PassOutcome): PassOutcome {
  if (before.kind === 'fused' && after.kind === 'fused') return mergeFused(before, after, merge);
  if (before.kind === 'moments' && after.kind === 'moments') return moments.merge(before, after);
  if (before.kind === 'bins' && after.kind === 'bins') return histogram.merge(before, after);
  if (before.kind === 'group' && after.kind === 'group') return group.merge(before, after);
  if (before.kind === 'axisSquares' && after.kind === 'axisSquares') return axisSquares.merge(before, after);
  if (before.kind === 'signs' && after.kind === 'signs') return signs.merge(before, after);
  if (before.kind === 'masks' && after.kind === 'masks') return masks.merge(before, after);
  if (before.kind === 'magnitudes' && after.kind === 'magnitudes') return magnitudes.merge(before, after);
  if (before.kind === 'magnitudeValues' && after.kind === 'magnitudeValues')
    return magnitudeValues.merge(before, after);
  if (before.kind === 'rowBands' && after.kind === 'rowBands') return rowBands.merge(before, after);
  if (before.kind === 'rowProducts' && after.kind === 'rowProducts') return rowProducts.merge(before, after);
  throw new TypeError(`${before.kind} and ${after.kind} are contributions to different items`);
}
