import type { Problem } from '../../protocol/result';
import { decode } from '../decode';
import type { TensorSpan } from '../span';
import type { ReadSpanBytes } from './stored';

/** Unpacked or scattered sources are kept for the next chunk of the same tensor, up to so many bytes a thread. */
const MOST_KEPT = 256 * 1024 * 1024;

/** Least recently used first. */
const kept = new Map<object, Uint8Array>();
let bytesKept = 0;

/**
 * What `make` makes of the source of a form, remembered by the identity of the form (or of a span of it) while it is among the most recently used.
 * Chunks of one tensor follow each other, so that each source is read once, not once a chunk.
 */
export function wholeSource(
  stored: object,
  read: ReadSpanBytes,
  make: (read: ReadSpanBytes) => Uint8Array | Problem,
): Uint8Array | Problem {
  const known = kept.get(stored);
  if (known !== undefined) {
    kept.delete(stored);
    kept.set(stored, known);
    return known;
  }
  const made = make(read);
  if (!(made instanceof Uint8Array) || made.length > MOST_KEPT) return made;
  kept.set(stored, made);
  bytesKept += made.length;
  for (const [oldest, bytes] of kept) {
    if (bytesKept <= MOST_KEPT) break;
    kept.delete(oldest);
    bytesKept -= bytes.length;
  }
  return made;
}

/** All values of a small tensor that a form needs again for every chunk: scales, zero points, codebooks. */
export function wholeValues(span: TensorSpan, read: ReadSpanBytes): Float64Array | Problem {
  const bytes = wholeSource(span, read, (from) => {
    const stored = new Uint8Array(span.bytes);
    const problem = from(span, 0, stored);
    return problem ?? new Uint8Array(decode(span.dtype, stored, span.count).buffer);
  });
  return bytes instanceof Uint8Array ? new Float64Array(bytes.buffer) : bytes;
}

/** Forgets all sources: a pass has ended, and its files may change. */
export function forgetSources(): void {
  kept.clear();
  bytesKept = 0;
}
