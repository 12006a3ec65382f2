import type { Problem } from '../../protocol/result';
import type { ReadSpanBytes, StoredForm, StridedStore } from './stored';
import { readTurned, turnedPacked } from './turned-words';
import { wholeSource } from './whole-sources';

/** Fewer elements than this are read with their surroundings, not with the whole source. */
const FEW = 2 ** 16;
/** Few elements so far apart (in bytes that would be read for one) are read one by one. */
const FAR = 2 ** 10;
/** A source of more bytes is never held whole: the elements are picked out of one part of it after the other. */
const MOST_HELD = 2 ** 28;

/** A view with strides, in C order: transposed and cut-out tensors of torch, arrays of Fortran order. */
export const readStrided: StoredForm<StridedStore> = (stored, offset, target, read) => {
  const { size } = stored;
  const packed = turnedPacked(stored);
  if (packed !== null) return readTurned(stored, packed, offset, target, read);
  const first = Math.floor(offset / size);
  const count = Math.ceil((offset + target.length) / size) - first;
  const bytes = count * size === target.length ? target : new Uint8Array(count * size);
  const problem = gather(stored, first, count, bytes, read);
  if (problem !== null) return problem;
  if (bytes !== target)
    target.set(bytes.subarray(offset - first * size, offset - first * size + target.length));
  return null;
};

function gather(
  stored: StridedStore,
  first: number,
  count: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const { size, source } = stored;
  // What has to be unpacked costs far more than it takes to hold: once, for all reads that follow.
  const few = count <= FEW && (source.stored === undefined || source.bytes > MOST_HELD);
  const [low, high] = few ? reach(stored, first, count) : [0, source.bytes / size];
  if (few && (high - low) * size > count * FAR) return readSingly(stored, first, count, target, read);
  if ((high - low) * size > MOST_HELD) return readInParts(stored, first, count, target, read);
  if (low === 0 && high * size >= source.bytes) {
    const whole = wholeSource(stored, read, (from) => bytesOf(from, stored, 0, source.bytes));
    if (!(whole instanceof Uint8Array)) return whole;
    copy(stored, first, count, whole, 0, target);
    return null;
  }
  const part = bytesOf(read, stored, low * size, (high - low) * size);
  if (!(part instanceof Uint8Array)) return part;
  copy(stored, first, count, part, low, target);
  return null;
}

function readSingly(
  stored: StridedStore,
  first: number,
  count: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const { size, source } = stored;
  let problem: Problem | null = null;
  let to = 0;
  walk(stored, first, count, (element) => {
    problem ??= read(source, element * size, target.subarray(to, to + size));
    to += size;
  });
  return problem;
}

function readInParts(
  stored: StridedStore,
  first: number,
  count: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const { size, source } = stored;
  const most = Math.floor(MOST_HELD / size);
  const total = source.bytes / size;
  for (let low = 0; low < total; low += most) {
    const high = Math.min(low + most, total);
    const part = bytesOf(read, stored, low * size, (high - low) * size);
    if (!(part instanceof Uint8Array)) return part;
    let to = 0;
    walk(stored, first, count, (element) => {
      if (element >= low && element < high) {
        const from = (element - low) * size;
        for (let byte = 0; byte < size; byte++) target[to + byte] = part[from + byte] as number;
      }
      to += size;
    });
  }
  return null;
}

function bytesOf(
  read: ReadSpanBytes,
  { source }: StridedStore,
  offset: number,
  length: number,
): Uint8Array | Problem {
  const bytes = new Uint8Array(length);
  return read(source, offset, bytes) ?? bytes;
}

/** The first element of the source that elements `first …` of the view need, and the one after the last. */
function reach(stored: StridedStore, first: number, count: number): [number, number] {
  let [low, high] = [Infinity, 0];
  walk(stored, first, count, (from) => {
    if (from < low) low = from;
    if (from >= high) high = from + 1;
  });
  return [low === Infinity ? 0 : low, high];
}

/** Copies elements `first …` of the view in runs along its last axis; `from` holds the source from element `low` on. */
function copy(
  stored: StridedStore,
  first: number,
  count: number,
  from: Uint8Array,
  low: number,
  target: Uint8Array,
): void {
  const { size, shape, strides } = stored;
  const length = shape.at(-1) ?? 1;
  const step = (strides.at(-1) ?? 1) * size;
  const singles = size === 4 && from.byteOffset % 4 === 0 && target.byteOffset % 4 === 0;
  let done = 0;
  while (done < count) {
    const at = (first + done) % length;
    if (singles && at === 0) {
      const rows = copyColumns(stored, first + done, count - done, from, low, target, done);
      done += rows * length;
      if (rows > 0) continue;
    }
    const run = Math.min(length - at, count - done);
    copyRun(from, (placeOf(stored, first + done) - low) * size, step, target, done * size, run, size);
    done += run;
  }
}

/** So many rows are copied together where they are columns of the source: what is next to each other there is read once. */
const TOGETHER = 16;

/**
 * Copies rows of elements of four bytes that are neighbouring columns of the source, as many as there are, up to
 * {@link TOGETHER}; returns how many. `element` is the first of the view, `to` its place in `target`.
 */
function copyColumns(
  stored: StridedStore,
  element: number,
  count: number,
  from: Uint8Array,
  low: number,
  target: Uint8Array,
  to: number,
): number {
  const { shape, strides } = stored;
  const [length, above] = [shape.at(-1) ?? 1, shape.at(-2) ?? 1];
  if (strides.at(-2) !== 1 || length < 2) return 0;
  const rows = Math.min(TOGETHER, Math.floor(count / length), above - ((element / length) % above));
  if (rows < 2) return 0;
  const step = strides.at(-1) ?? 1;
  const words = new Uint32Array(from.buffer, from.byteOffset, Math.floor(from.length / 4));
  const out = new Uint32Array(target.buffer, target.byteOffset, Math.floor(target.length / 4));
  for (let k = 0, at = placeOf(stored, element) - low; k < length; k++, at += step) {
    for (let row = 0; row < rows; row++) out[to + row * length + k] = words[at + row] as number;
  }
  return rows;
}

function copyRun(
  from: Uint8Array,
  start: number,
  step: number,
  target: Uint8Array,
  to: number,
  run: number,
  size: number,
): void {
  if (size === 1) {
    for (let k = 0, at = start; k < run; k++, at += step) target[to + k] = from[at] as number;
    return;
  }
  for (let k = 0, at = start; k < run; k++, at += step) {
    for (let byte = 0; byte < size; byte++) target[to++] = from[at + byte] as number;
  }
}

/** The place in the source of one element of the view. */
function placeOf({ shape, strides, start }: StridedStore, element: number): number {
  let [rest, place] = [element, start];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] as number;
    const index = rest % length;
    rest = (rest - index) / length;
    place += index * (strides[axis] as number);
  }
  return place;
}

/** Calls `visit` with the place in the source of elements `first … first + count − 1` of the view, in C order. */
function walk(
  { shape, strides, start }: StridedStore,
  first: number,
  count: number,
  visit: (element: number) => void,
): void {
  const at = shape.map(() => 0);
  let [rest, place] = [first, start];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] as number;
    at[axis] = rest % length;
    rest = Math.floor(rest / length);
    place += (at[axis] as number) * (strides[axis] as number);
  }
  for (let i = 0; i < count; i++) {
    visit(place);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [length, stride] = [shape[axis] as number, strides[axis] as number];
      const index = (at[axis] as number) + 1;
      place += stride;
      if (index < length) {
        at[axis] = index;
        break;
      }
      at[axis] = 0;
      place -= stride * length;
    }
  }
}
