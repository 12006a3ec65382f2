import type { StoredForm, SwappedStore } from './stored';

/** Reverses the bytes of every element, in place. `size` 1 changes nothing; a last part of an element is left. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let first = 0; first + size <= bytes.length; first += size) {
    for (let low = first, high = first + size - 1; low < high; low++, high--) {
      const byte = bytes[low] as number;
      bytes[low] = bytes[high] as number;
      bytes[high] = byte;
    }
  }
}

/** Big-endian elements as little-endian ones. */
export const readSwapped: StoredForm<SwappedStore> = ({ size, source }, offset, target, read) => {
  const first = Math.floor(offset / size) * size;
  const end = Math.min(Math.ceil((offset + target.length) / size) * size, source.bytes);
  const whole = first === offset && end === offset + target.length;
  const bytes = whole ? target : new Uint8Array(end - first);
  const problem = read(source, first, bytes);
  if (problem !== null) return problem;
  swapBytes(bytes, size);
  if (!whole) target.set(bytes.subarray(offset - first, offset - first + target.length));
  return null;
};
