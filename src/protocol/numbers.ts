/**
 * Numbers as they cross a process border: plain JSON up to a size, above it the bytes of a Float64Array in
 * base64, where NaN stands for an undefined cell.
 */
export type PackedNumbers = readonly (number | null)[] | { readonly float64: string };

const PLAIN_LIMIT = 4096;

/** Packs values for the wire. `null` survives the way there and back; so does every finite double. */
export function packNumbers(values: readonly (number | null)[]): PackedNumbers {
  if (values.length <= PLAIN_LIMIT) return values;
  const floats = Float64Array.from(values, (value) => value ?? Number.NaN);
  return { float64: toBase64(new Uint8Array(floats.buffer)) };
}

/** The inverse of {@link packNumbers}. */
export function unpackNumbers(packed: PackedNumbers): readonly (number | null)[] {
  if (!('float64' in packed)) return packed;
  const bytes = fromBase64(packed.float64);
  const floats = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3);
  return Array.from(floats, (value) => (Number.isNaN(value) ? null : value));
}

// Both run in Node and in a browser, so only what both have: atob and btoa, a slice at a time.
function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(start, start + 0x8000)));
  }
  return btoa(parts.join(''));
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
