import type { Problem } from '../../protocol/result';
import { decode } from '../decode';
import type { TensorSpan } from '../span';
import type { ReadSpanBytes, ScatteredStore, StoredForm } from './stored';
import { wholeSource } from './whole-sources';

/**
 * Few values and their places, all others zero: sparse tensors by coordinates or by compressed rows. Only made for tensors that
 * are small when dense. Fails with `sparse-malformed` where a place lies outside of the tensor or is named twice.
 */
export const readScattered: StoredForm<ScatteredStore> = (stored, offset, target, read) => {
  const dense = wholeSource(stored, read, (from) => scatter(stored, from));
  if (!(dense instanceof Uint8Array)) return dense;
  target.set(dense.subarray(offset, offset + target.length));
  return null;
};

function scatter(stored: ScatteredStore, read: ReadSpanBytes): Uint8Array | Problem {
  const { values, blockBytes, blocks } = stored;
  const places = placesOf(stored, read);
  if (!(places instanceof Float64Array)) return places;
  const bytes = new Uint8Array(values.bytes);
  const problem = read(values, 0, bytes);
  if (problem !== null) return problem;
  const dense = new Uint8Array(blocks * blockBytes);
  const taken = new Set<number>();
  for (const [i, place] of places.entries()) {
    if (!(place >= 0 && place < blocks)) return malformed(stored, 'lies outside of the tensor');
    if (taken.has(place)) return malformed(stored, 'is named twice: .coalesce() it before saving');
    taken.add(place);
    dense.set(bytes.subarray(i * blockBytes, (i + 1) * blockBytes), place * blockBytes);
  }
  return dense;
}

/** Which block each value is, in C order; NaN where its indices are outside. */
function placesOf(stored: ScatteredStore, read: ReadSpanBytes): Float64Array | Problem {
  const { places, lengths, count } = stored;
  const out = new Float64Array(count);
  if (places.kind === 'coordinates') {
    const indices = wholeNumbers(places.indices, read);
    if (!(indices instanceof Float64Array)) return indices;
    for (let i = 0; i < count; i++) {
      for (const [axis, length] of lengths.entries()) {
        const index = indices[axis * count + i] as number;
        out[i] = index >= 0 && index < length ? (out[i] as number) * length + index : Number.NaN;
      }
    }
    return out;
  }
  const starts = wholeNumbers(places.starts, read);
  if (!(starts instanceof Float64Array)) return starts;
  const indices = wholeNumbers(places.indices, read);
  if (!(indices instanceof Float64Array)) return indices;
  const [rows = 0, columns = 0] = lengths;
  out.fill(Number.NaN);
  for (let line = 0; line + 1 < starts.length; line++) {
    const end = Math.min(starts[line + 1] as number, count);
    for (let i = Math.max(0, starts[line] as number); i < end; i++) {
      const index = indices[i] as number;
      const [row, column] = places.by === 'rows' ? [line, index] : [index, line];
      out[i] =
        row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : Number.NaN;
    }
  }
  return out;
}

function wholeNumbers(span: TensorSpan, read: ReadSpanBytes): Float64Array | Problem {
  const bytes = new Uint8Array(span.bytes);
  return read(span, 0, bytes) ?? decode(span.dtype, bytes, span.count);
}

function malformed({ values }: ScatteredStore, what: string): Problem {
  return {
    code: 'sparse-malformed',
    message: `${values.path}: a place of the sparse tensor with values at byte ${String(values.offset)} ${what}.`,
    action: 'Save the tensor again, dense or coalesced.',
    path: values.path,
    at: `byte ${String(values.offset)}`,
  };
}
