import { cancelled, success, type Result } from '../../protocol/result';
import { bytesOfElement, type ElementType } from '../../format/onnx/element-types';
import { tensorOverBytes, type TensorValue } from '../tensor-value';
import type { ByteRange, ReadBytes } from './byte-range';
import { refuse } from './problems';

/** Where the elements of an array lie in a range of bytes, from its start on. */
export interface ArrayLayout {
  readonly name: string;
  readonly type: ElementType;
  /** All axes; the first is that of the samples. */
  readonly shape: readonly number[];
  /** The first axis varies fastest (Fortran order) instead of the last. */
  readonly firstFastest?: boolean;
  readonly bigEndian?: boolean;
}

/** Rows of one call may take this much memory. */
export const MOST_ROW_BYTES = 2 ** 30;
/** One read from a file. */
const CHUNK = 2 ** 20;

/** Number of elements of a shape; `null` beyond 2^53 − 1. */
export function elementCount(shape: readonly number[]): number | null {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count > Number.MAX_SAFE_INTEGER) return null;
  }
  return count;
}

/**
 * Rows of an array, stacked in the order of `indices`; a single number (shape `[]`) whole. Reads the rows only, and in
 * Fortran order, where rows are spread over all bytes, everything once. Fails with `data-sample-range`,
 * `data-too-large`, `cancelled`, or as the range does.
 */
export async function readRows(
  range: ByteRange,
  layout: ArrayLayout,
  indices: readonly number[],
  signal?: AbortSignal,
): Promise<Result<TensorValue>> {
  const { path } = range;
  const { name, type, shape } = layout;
  const width = bytesOfElement(type);
  const [samples, ...inner] = shape;
  const wanted = samples === undefined ? [0] : indices;
  const checked = checkIndices(path, wanted, samples ?? 1);
  if (!checked.ok) return checked;
  const perRow = elementCount(inner) ?? 0;
  const rowBytes = perRow * width;
  if (rowBytes * wanted.length > MOST_ROW_BYTES) {
    const message = `${path}: ${String(wanted.length)} samples of ${name} take ${String(rowBytes * wanted.length)} bytes at once.`;
    return refuse('data-too-large', path, message, name);
  }
  const target = new Uint8Array(rowBytes * wanted.length);
  if (target.length > 0) {
    const spread = layout.firstFastest === true && shape.length > 1;
    const filled = await range.withBytes((read) =>
      spread
        ? gatherSpread(read, target, { samples: samples ?? 1, inner, width }, wanted, signal)
        : gatherWhole(read, target, rowBytes, wanted, signal),
    );
    if (!filled.ok) return filled;
  }
  if (layout.bigEndian === true) reverseBytes(target, width);
  return success(tensorOverBytes(type, samples === undefined ? [] : [wanted.length, ...inner], target));
}

/** Fails with `data-sample-range` for an index that is no sample. */
export function checkIndices(path: string, indices: readonly number[], samples: number): Result<null> {
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= samples);
  if (wrong === undefined) return success(null);
  const message = `${path}: there is no sample ${String(wrong)}; there are ${String(samples)}, counted from 0.`;
  return refuse('data-sample-range', path, message);
}

/** Rows that lie in one piece: neighbours are read together. */
async function gatherWhole(
  read: ReadBytes,
  target: Uint8Array,
  rowBytes: number,
  indices: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Result<null>> {
  const order = indices.map((index, place) => ({ index, place })).sort((a, b) => a.index - b.index);
  for (let i = 0; i < order.length;) {
    if (signal?.aborted === true) return cancelled();
    const first = order[i]?.index ?? 0;
    let end = i + 1;
    let last = first;
    for (; end < order.length; end++) {
      const next = order[end]?.index ?? 0;
      if (next > last + 1 || (next - first + 1) * rowBytes > CHUNK) break;
      last = next;
    }
    const bytes = await read(first * rowBytes, (last - first + 1) * rowBytes);
    if (!bytes.ok) return bytes;
    for (; i < end; i++) {
      const { index, place } = order[i] ?? { index: first, place: 0 };
      const start = (index - first) * rowBytes;
      target.set(bytes.value.subarray(start, start + rowBytes), place * rowBytes);
    }
  }
  return success(null);
}

interface SpreadRows {
  readonly samples: number;
  readonly inner: readonly number[];
  readonly width: number;
}

/** Rows in Fortran order: element (s, j₁, j₂, …) stands at s + samples·(j₁ + n₁·(j₂ + …)). */
async function gatherSpread(
  read: ReadBytes,
  target: Uint8Array,
  { samples, inner, width }: SpreadRows,
  indices: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Result<null>> {
  const columns = elementCount(inner) ?? 0;
  // As many columns at a time as fill a chunk; of a column only what lies between the first and the last row.
  const low = indices.reduce((least, index) => Math.min(least, index), samples);
  const high = indices.reduce((most, index) => Math.max(most, index), 0);
  const batch = Math.max(1, Math.floor(CHUNK / (samples * width)));
  for (let column = 0; column < columns; column += batch) {
    if (signal?.aborted === true) return cancelled();
    const count = Math.min(batch, columns - column);
    const start = column * samples + low;
    const length = (count - 1) * samples + high - low + 1;
    const bytes = await read(start * width, length * width);
    if (!bytes.ok) return bytes;
    for (let c = 0; c < count; c++) {
      const place = lastFastest(column + c, inner);
      for (let i = 0; i < indices.length; i++) {
        const from = (c * samples + (indices[i] ?? 0) - low) * width;
        target.set(bytes.value.subarray(from, from + width), (i * columns + place) * width);
      }
    }
  }
  return success(null);
}

/** The position in C order of what stands at `position` in Fortran order. */
function lastFastest(position: number, shape: readonly number[]): number {
  let left = position;
  let place = 0;
  let stride = elementCount(shape) ?? 0;
  for (const size of shape) {
    stride /= size;
    place += (left % size) * stride;
    left = Math.floor(left / size);
  }
  return place;
}

function reverseBytes(bytes: Uint8Array, width: number): void {
  for (let start = 0; start + width <= bytes.length; start += width)
    bytes.subarray(start, start + width).reverse();
}
