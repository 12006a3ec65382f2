import { bytesFor } from '../tensor/decode';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { Stored } from '../tensor/stored/stored';
import { countOfShape } from './output-file';

/** Tensors are put together of no more groups or experts than so many; no model has as many. */
export const MOST_GROUPS = 4096;

/** The same elements in the same order under another shape of as many. */
export function reshaped(span: TensorSpan, shape: readonly number[]): TensorSpan {
  return { ...span, shape };
}

/** Part `index` of `parts` equal parts along the first axis, under `shape`; of blocks at its own place on disk. */
export function partOf(
  span: TensorSpan,
  index: number,
  parts: number,
  shape: readonly number[],
): TensorSpan | null {
  return rowsOf(span, index, 1, parts, shape);
}

/** Parts `first … first + count − 1` of `parts` equal ones; `null` where these are no whole bytes or blocks. */
export function rowsOf(
  span: TensorSpan,
  first: number,
  count: number,
  parts: number,
  shape: readonly number[],
): TensorSpan | null {
  const bytes = (span.bytes / parts) * count;
  const elements = (span.count / parts) * count;
  const offset = (span.bytes / parts) * first;
  if (![bytes, elements, offset].every(Number.isInteger) || countOfShape(shape) !== elements) return null;
  const { stored } = span;
  const next = { ...span, bytes, count: elements, shape };
  if (stored?.kind !== 'blocks' || span.offset !== 0) return { ...next, offset: span.offset + offset };
  const size = (stored.source.bytes / parts) * count;
  const skipped = (stored.source.bytes / parts) * first;
  if (!Number.isInteger(size) || !Number.isInteger(skipped)) return null;
  const place = { offset: stored.offset + skipped, bytes: size };
  const source = { ...stored.source, ...place, shape: [size], count: size };
  return { ...next, stored: { ...stored, ...place, source } };
}

/** The elements at these strides (in elements of `span`) from its first on, under `shape`. */
export function viewOf(
  span: TensorSpan,
  shape: readonly number[],
  strides: readonly number[],
  as = shape,
): TensorSpan {
  const { label, offset, bytes } = placeInFile(span);
  const size = bytesFor(span.dtype, 1);
  const form = {
    kind: 'strided',
    size,
    shape,
    strides,
    start: 0,
    source: span,
    label,
    offset,
    bytes,
  } as const;
  return { ...span, offset: 0, shape: as, stored: form };
}

/** A matrix with its axes exchanged. */
export function turned(span: TensorSpan): TensorSpan {
  const [rows = 1, columns = 1] = span.shape;
  return viewOf(span, [columns, rows], [1, columns]);
}

/** Spans of one type one after the other; `null` where they are of several types. */
export function joined(spans: readonly TensorSpan[], shape: readonly number[]): TensorSpan | null {
  const [first] = spans;
  if (first === undefined || spans.some(({ dtype }) => dtype !== first.dtype)) return null;
  const count = spans.reduce((sum, span) => sum + span.count, 0);
  if (count !== countOfShape(shape)) return null;
  const places = spans.map(placeInFile);
  let from = 0;
  const tiles = spans.map((span) => {
    const tile = { from: [from], shape: [span.count], span };
    from += span.count;
    return tile;
  });
  const stored: Stored = {
    kind: 'tiled',
    size: bytesFor(first.dtype, 1),
    shape: [count],
    tiles,
    label: [...new Set(places.map(({ label }) => label))].join(', '),
    offset: places[0]?.offset ?? 0,
    bytes: places.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const bytes = bytesFor(first.dtype, count);
  return { path: first.path, offset: 0, bytes, dtype: first.dtype, shape, count, stored };
}

/**
 * Spans whose rows stand in `groups` equal groups, as one with the first group of all of them, then the second of all, …
 * With one group: one after the other. `null` where rows do not divide, types differ, or groups are too many.
 */
export function inGroups(
  spans: readonly TensorSpan[],
  groups: number,
  shape: readonly number[],
): TensorSpan | null {
  if (groups > MOST_GROUPS) return null;
  const parts: TensorSpan[] = [];
  for (let group = 0; group < groups; group++) {
    for (const span of spans) {
      const part = partOf(span, group, groups, [span.count / groups]);
      if (part === null) return null;
      parts.push(part);
    }
  }
  return joined(parts, shape);
}

/** x − 1, as float32. */
export function lessOne(span: TensorSpan): TensorSpan {
  return floatSpan(span, { kind: 'affine', source: span, scales: 1, zeroPoints: 1, run: 1 });
}

/** ln(−x), as float32. */
export function logarithm(span: TensorSpan): TensorSpan {
  return floatSpan(span, { kind: 'logarithm', source: span });
}

type Form = Stored extends infer S
  ? S extends Stored
    ? Omit<S, 'label' | 'offset' | 'bytes'>
    : never
  : never;

function floatSpan(span: TensorSpan, form: Form): TensorSpan {
  const { label, offset, bytes } = placeInFile(span);
  const stored = { ...form, label, offset, bytes } as Stored;
  return { ...span, offset: 0, bytes: 4 * span.count, dtype: 'F32', stored };
}
