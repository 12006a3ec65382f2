import type { Problem } from '../../protocol/result';
import { readBitPacked } from './bit-packed';
import { readCodebook } from './codebook';
import { readBlocks } from './blocks';
import { readAffine } from './affine';
import { readInflated } from './inflated';
import { readScattered } from './scattered';
import { readShuffled } from './shuffled';
import { readLogarithm } from './logarithm';
import { readScaled } from './scaled';
import type { ReadSpanBytes, Stored, StoredForm } from './stored';
import { readPaired } from './paired';
import { readStrided } from './strided';
import { readSwapped } from './swapped';
import { readTiled } from './tiled';

/** Every form of storage by its kind. */
const FORMS: { readonly [S in Stored as S['kind']]: StoredForm<S> } = {
  swapped: readSwapped,
  strided: readStrided,
  tiled: readTiled,
  inflated: readInflated,
  bitPacked: readBitPacked,
  scaled: readScaled,
  codebook: readCodebook,
  blocks: readBlocks,
  shuffled: readShuffled,
  affine: readAffine,
  scattered: readScattered,
  paired: readPaired,
  logarithm: readLogarithm,
};

/**
 * Fills `target` with bytes `offset … offset + target.length − 1` of a tensor that is stored in another form, little-endian,
 * C order. Fails as `read` does, or with a code of the form.
 */
export function readStored(
  stored: Stored,
  offset: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const form = FORMS[stored.kind] as StoredForm<Stored>;
  return form(stored, offset, target, read);
}
