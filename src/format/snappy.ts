/**
 * Unpacks a block of raw Snappy (the format description of google/snappy): a length, then literals and copies of what came
 * before. `null` where the block contradicts itself or is longer than `most` bytes when unpacked.
 */
export function unsnappy(packed: Uint8Array, most: number): Uint8Array | null {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = packed[at++];
    if (byte === undefined || shift > 28) return null;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  // A copy of two bytes makes 64.
  if (length > most || length > 64 * packed.length) return null;
  const out = new Uint8Array(length);
  let to = 0;
  const little = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (packed[at++] ?? 0) * 256 ** i;
    return value;
  };
  while (at < packed.length) {
    const tag = packed[at++] ?? 0;
    if ((tag & 3) === 0) {
      const code = tag >> 2;
      const count = (code < 60 ? code : little(code - 59)) + 1;
      if (at + count > packed.length || to + count > length) return null;
      out.set(packed.subarray(at, at + count), to);
      at += count;
      to += count;
      continue;
    }
    const isShort = (tag & 3) === 1;
    const count = isShort ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const back = isShort ? ((tag >> 5) << 8) + little(1) : little((tag & 3) === 2 ? 2 : 4);
    if (back === 0 || back > to || to + count > length) return null;
    // Copies may overlap what they make.
    for (let i = 0; i < count; i++, to++) out[to] = out[to - back] as number;
  }
  return to === length ? out : null;
}
