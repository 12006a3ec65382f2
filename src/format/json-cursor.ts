import { Buffer, isUtf8 } from 'node:buffer';
import { ShortStrings, unescapeJson } from './json-string';
import type { FormatCode } from './problems';
import { firstInvalidUtf8 } from './utf8';

/** The first thing that is wrong with a JSON text. */
export interface JsonFault {
  readonly code: FormatCode;
  /** Byte offset in the file. */
  readonly offset: number;
  /** A clause that names what was found and what was expected. */
  readonly message: string;
}

/** What kind of value stands at the cursor; `none` where no value can begin with what is there. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null' | 'none';

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
export const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;

/**
 * A cursor over JSON text in bytes: white space, strings, numbers and words, and the first fault. From a
 * fault on every method returns at once with an empty value. What is made of several values is in
 * `JsonReader`.
 */
export class JsonCursor {
  protected readonly bytes: Buffer;
  protected readonly origin: number;
  protected position = 0;
  private found: JsonFault | null = null;
  private readonly shortStrings: ShortStrings;

  /** `origin` is where `bytes` begin in their file: faults give offsets in the file. */
  constructor(bytes: Uint8Array, origin = 0) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.origin = origin;
    this.shortStrings = new ShortStrings(this.bytes);
    if (!isUtf8(this.bytes)) this.fail('json-utf8', firstInvalidUtf8(this.bytes) + origin, 'invalid UTF-8');
  }

  /** The first fault, or `null`. */
  get fault(): JsonFault | null {
    return this.found;
  }

  /** Offset in the file of what is read next. */
  get offset(): number {
    this.skipSpace();
    return this.origin + this.position;
  }

  /** Reports a fault of the caller's own; only the first one counts. */
  fail(code: FormatCode, offset: number, message: string): void {
    this.found ??= { code, offset, message };
  }

  /** What stands at the cursor. */
  peek(): JsonKind {
    this.skipSpace();
    return this.found === null ? kindOf(this.bytes[this.position]) : 'none';
  }

  /** Reads a string. */
  string(): string {
    if (!this.expect('string')) return '';
    const start = this.position + 1;
    const { bytes } = this;
    let escaped = false;
    let seen = 0;
    let end = start;
    for (; end < bytes.length; end++) {
      const byte = bytes[end] as number;
      if (byte === QUOTE) break;
      if (byte < 0x20) return this.refused(end, 'a control character inside a string');
      if (byte === BACKSLASH) {
        escaped = true;
        end++;
      }
      seen |= byte;
    }
    if (end >= bytes.length) return this.refused(this.position, 'a string begins here and never ends');
    this.position = end + 1;
    if (escaped) {
      const text = unescapeJson(bytes, start, end);
      return typeof text === 'string' ? text : this.refused(text.wrongAt, 'a wrong escape inside a string');
    }
    return seen < 0x80 ? this.shortStrings.ascii(start, end) : bytes.toString('utf8', start, end);
  }

  /** Reads a whole number from 0 to 2^53 − 1, written without sign, point or exponent. */
  integer(): number {
    if (!this.expect('number')) return 0;
    const start = this.position;
    const short = this.shortInteger();
    if (short >= 0) return short;
    const value = this.number();
    if (this.hasFault()) return 0;
    const written = this.bytes.toString('latin1', start, Math.min(this.position, start + 40));
    if (value <= Number.MAX_SAFE_INTEGER && this.position - start <= 16 && isDigits(written)) return value;
    const wrong = written.startsWith('-')
      ? 'is negative'
      : isDigits(written)
        ? 'is larger than 9007199254740991'
        : 'is not written as a whole number';
    this.fail('json-number', this.origin + start, `${written} ${wrong}`);
    return 0;
  }

  /** Reads any JSON number. One that is beyond a double becomes ±Infinity. */
  number(): number {
    if (!this.expect('number')) return 0;
    const start = this.position;
    const short = this.shortInteger();
    if (short >= 0) return short;
    if (this.bytes[this.position] === MINUS) this.position++;
    const leading = this.bytes[this.position];
    if (this.digits() > 1 && leading === ZERO) {
      this.refused(start, 'a number with a leading zero');
      return 0;
    }
    if (this.bytes[this.position] === 0x2e) {
      this.position++;
      this.digits();
    }
    if (((this.bytes[this.position] ?? 0) | 0x20) === 0x65) {
      this.position++;
      const sign = this.bytes[this.position];
      if (sign === 0x2b || sign === MINUS) this.position++;
      this.digits();
    }
    return this.found === null ? Number(this.bytes.toString('latin1', start, this.position)) : 0;
  }

  // A method, because the compiler takes a field that it saw as null a moment ago to be null still.
  protected hasFault(): boolean {
    return this.found !== null;
  }

  protected refused(position: number, message: string): string {
    this.fail('json-syntax', this.origin + position, message);
    return '';
  }

  protected skipSpace(): void {
    const { bytes } = this;
    let position = this.position;
    for (; position < bytes.length; position++) {
      const byte = bytes[position] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    }
    this.position = position;
  }

  /** Whether a value of this kind stands at the cursor; otherwise the fault says what does. */
  protected expect(kind: JsonKind | 'value'): boolean {
    const found = this.peek();
    if (this.found !== null) return false;
    if (found === kind) return true;
    if (found === 'none') this.refused(this.position, `expected ${WORDS[kind]}, found ${this.here()}`);
    else {
      this.fail('json-type', this.origin + this.position, `expected ${WORDS[kind]}, found ${WORDS[found]}`);
    }
    return false;
  }

  protected closes(bracket: number): boolean {
    this.skipSpace();
    if (this.bytes[this.position] !== bracket) return false;
    this.position++;
    return true;
  }

  protected literal(word: string): void {
    if (this.bytes.toString('latin1', this.position, this.position + word.length) === word) {
      this.position += word.length;
    } else this.refused(this.position, `expected a value, found ${this.here()}`);
  }

  /**
   * The quick way for nearly every number of a header: up to 15 digits. −1, the cursor unmoved, for anything
   * else.
   */
  private shortInteger(): number {
    const { bytes } = this;
    const start = this.position;
    let value = 0;
    let end = start;
    for (; isDigit(bytes[end]); end++) value = value * 10 + ((bytes[end] as number) - ZERO);
    const length = end - start;
    const next = (bytes[end] ?? 0) | 0x20;
    if (length === 0 || length > 15 || next === 0x2e || next === 0x65) return -1;
    if (length > 1 && bytes[start] === ZERO) return -1;
    this.position = end;
    return value;
  }

  /** Passes over digits, at least one, and returns how many. */
  private digits(): number {
    const start = this.position;
    while (isDigit(this.bytes[this.position])) this.position++;
    if (this.position === start) this.refused(start, `expected a digit, found ${this.here()}`);
    return this.position - start;
  }

  /** What stands at the cursor, in words. */
  protected here(): string {
    const byte = this.bytes[this.position];
    if (byte === undefined) return 'the end of the text';
    return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`;
  }
}

const WORDS: Readonly<Record<JsonKind | 'value', string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  true: 'true',
  false: 'false',
  null: 'null',
  none: 'nothing',
  value: 'a value',
};

function kindOf(byte = 0): JsonKind {
  switch (byte) {
    case OPEN_BRACE:
      return 'object';
    case OPEN_BRACKET:
      return 'array';
    case QUOTE:
      return 'string';
    case 0x74:
      return 'true';
    case 0x66:
      return 'false';
    case 0x6e:
      return 'null';
    default:
      return byte === MINUS || isDigit(byte) ? 'number' : 'none';
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}
