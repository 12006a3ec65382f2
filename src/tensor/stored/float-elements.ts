import type { Problem } from '../../protocol/result';

/** Writes float32 elements `first … first + target.length − 1` of a tensor. */
export type MakeFloats = (first: number, target: Float32Array) => Problem | null;

/**
 * Fills `target` with bytes `offset …` of a tensor of float32 whose elements `make` makes: straight into it where it is
 * aligned and begins with an element, else by way of a copy.
 */
export function fillFloats(offset: number, target: Uint8Array, make: MakeFloats): Problem | null {
  const first = Math.floor(offset / 4);
  const end = Math.ceil((offset + target.length) / 4);
  if (offset % 4 === 0 && target.length % 4 === 0 && target.byteOffset % 4 === 0)
    return make(first, new Float32Array(target.buffer, target.byteOffset, end - first));
  const floats = new Float32Array(end - first);
  const problem = make(first, floats);
  if (problem !== null) return problem;
  const skip = offset - first * 4;
  target.set(new Uint8Array(floats.buffer).subarray(skip, skip + target.length));
  return null;
}
