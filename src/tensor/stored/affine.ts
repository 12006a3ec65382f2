import type { Problem } from '../../protocol/result';
import { bitsOf, decode } from '../decode';
import type { TensorSpan } from '../span';
import type { AffineStore, ReadSpanBytes, StoredForm } from './stored';
import { wholeSource } from './whole-sources';

const FLOAT_BYTES = 4;

/**
 * Whole numbers that stand for (code − zero point) · scale (Jacob et al. 2018, equation 1), as float32. The scale is rounded to
 * float32 first, as torch's `dequantize` does.
 */
export const readAffine: StoredForm<AffineStore> = (stored, offset, target, read) => {
  const first = Math.floor(offset / FLOAT_BYTES);
  const count = Math.ceil((offset + target.length) / FLOAT_BYTES) - first;
  const { source } = stored;
  const size = bitsOf(source.dtype) / 8;
  const codeBytes = new Uint8Array(count * size);
  const problem = read(source, first * size, codeBytes);
  if (problem !== null) return problem;
  const pairs = pairsOf(stored, read);
  if (!(pairs instanceof Float64Array)) return pairs;
  const values = dequantise(stored, decode(source.dtype, codeBytes, count), first, pairs);
  const start = offset - first * FLOAT_BYTES;
  target.set(new Uint8Array(values.buffer).subarray(start, start + target.length));
  return null;
};

function dequantise(
  { run }: AffineStore,
  codes: Float64Array,
  first: number,
  pairs: Float64Array,
): Float32Array {
  const values = new Float32Array(codes.length);
  const channels = pairs.length / 2;
  for (let i = 0; i < codes.length; i++) {
    const channel = channels === 1 ? 0 : Math.floor((first + i) / run) % channels;
    values[i] = ((codes[i] as number) - (pairs[2 * channel + 1] as number)) * (pairs[2 * channel] as number);
  }
  return values;
}

/** Scale and zero point of every channel. */
function pairsOf(stored: AffineStore, read: ReadSpanBytes): Float64Array | Problem {
  const { scales, zeroPoints } = stored;
  if (typeof scales === 'number')
    return Float64Array.of(Math.fround(scales), typeof zeroPoints === 'number' ? zeroPoints : 0);
  const bytes = wholeSource(stored, read, (from) => {
    const scale = valuesOf(scales, from);
    if (!(scale instanceof Float64Array)) return scale;
    const zero =
      typeof zeroPoints === 'number'
        ? new Float64Array(scale.length).fill(zeroPoints)
        : valuesOf(zeroPoints, from);
    if (!(zero instanceof Float64Array)) return zero;
    const pairs = new Float64Array(2 * scale.length);
    for (let i = 0; i < scale.length; i++) {
      pairs[2 * i] = Math.fround(scale[i] as number);
      pairs[2 * i + 1] = zero[i] as number;
    }
    return new Uint8Array(pairs.buffer);
  });
  return bytes instanceof Uint8Array ? new Float64Array(bytes.buffer) : bytes;
}

function valuesOf(span: TensorSpan, read: ReadSpanBytes): Float64Array | Problem {
  const bytes = new Uint8Array(span.bytes);
  return read(span, 0, bytes) ?? decode(span.dtype, bytes, span.count);
}
