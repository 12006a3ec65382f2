/**
 * Offset of the first byte that is no part of valid UTF-8 (Unicode 16, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF), or −1.
 */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let position = 0;
  while (position < bytes.length) {
    const length = sequenceLength(bytes, position);
    if (length === 0) return position;
    position += length;
  }
  return -1;
}

/** Length in bytes of the character that begins at `position`; 0 where none does. */
function sequenceLength(bytes: Uint8Array, position: number): number {
  const lead = bytes[position] as number;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (position + length > bytes.length) return 0;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[position + 1] as number;
  if (second < lowest || second > highest) return 0;
  for (let index = position + 2; index < position + length; index++) {
    if (((bytes[index] as number) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** Writes one code point as UTF-8 at `position` and returns the number of bytes written, 1 to 4. */
export function writeUtf8(out: Uint8Array, position: number, codePoint: number): number {
  if (codePoint < 0x80) {
    out[position] = codePoint;
    return 1;
  }
  const length = codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  let rest = codePoint;
  for (let index = length - 1; index > 0; index--) {
    out[position + index] = 0x80 | (rest & 0x3f);
    rest >>= 6;
  }
  out[position] = ((0xf00 >> length) & 0xff) | rest;
  return length;
}
