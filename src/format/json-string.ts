import { Buffer } from 'node:buffer';
import { writeUtf8 } from './utf8';

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** What stands after a backslash → the character it means. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning.charCodeAt(0)],
  ),
);

/**
 * Decodes the bytes `start`..`end` of a JSON string (between the quotes, valid UTF-8), escapes and all.
 * `wrongAt` is the position of the first escape that means nothing, a lone surrogate among them.
 */
export function unescapeJson(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | { readonly wrongAt: number } {
  // An escape is never shorter than the UTF-8 of what it means.
  const out = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let position = start; position < end;) {
    const byte = bytes[position] as number;
    if (byte !== BACKSLASH) {
      out[length++] = byte;
      position++;
      continue;
    }
    const letter = bytes[position + 1] as number;
    const plain = ESCAPES.get(letter);
    const codePoint = plain ?? (letter === LETTER_U ? codePointAt(bytes, position, end) : -1);
    if (codePoint < 0) return { wrongAt: position };
    length += writeUtf8(out, length, codePoint);
    position += plain !== undefined ? 2 : codePoint > 0xffff ? 12 : 6;
  }
  return out.toString('utf8', 0, length);
}

/** The code point of `\uXXXX`, or of a surrogate pair written as two of them; −1 for anything else. */
function codePointAt(bytes: Uint8Array, position: number, end: number): number {
  const first = codeUnitAt(bytes, position, end);
  if (first < 0xd800 || first > 0xdfff) return first;
  const second = codeUnitAt(bytes, position + 6, end);
  if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) return -1;
  return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

function codeUnitAt(bytes: Uint8Array, position: number, end: number): number {
  if (position + 6 > end) return -1;
  if (bytes[position] !== BACKSLASH || bytes[position + 1] !== LETTER_U) return -1;
  let value = 0;
  for (let index = position + 2; index < position + 6; index++) {
    const digit = hexDigit(bytes[index] as number);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/**
 * Longer strings are names, which differ; shorter ones are mostly field names, element types and shard names.
 */
const SHORT = 48;
const SLOTS = 256;

/**
 * Makes the strings of one text. A short string that was made a moment ago is handed out again, since a
 * header says `data_offsets` once per tensor, and an index the name of the same shard.
 */
export class ShortStrings {
  private readonly starts = new Int32Array(SLOTS);
  private readonly values: string[] = new Array<string>(SLOTS).fill('');

  constructor(private readonly bytes: Buffer) {}

  /** The string of the ASCII bytes `start`..`end`. */
  ascii(start: number, end: number): string {
    const length = end - start;
    if (length === 0 || length > SHORT) return this.bytes.toString('latin1', start, end);
    const { bytes } = this;
    const first = bytes[start] as number;
    const last = bytes[end - 1] as number;
    const middle = bytes[start + (length >> 1)] as number;
    const slot = (first + 7 * last + 31 * middle + 61 * length) & (SLOTS - 1);
    const value = this.values[slot] as string;
    if (value.length === length && this.same(this.starts[slot] as number, start, length)) return value;
    const made = bytes.toString('latin1', start, end);
    this.starts[slot] = start;
    this.values[slot] = made;
    return made;
  }

  private same(one: number, other: number, length: number): boolean {
    const { bytes } = this;
    for (let index = 0; index < length; index++) {
      if (bytes[one + index] !== bytes[other + index]) return false;
    }
    return true;
  }
}
