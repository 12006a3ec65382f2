import { JsonReader } from './json-reader';

/** What the header says of a tensor. */
export interface ShortEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
const ZERO = 0x30;
/** Characters of an element type: seven bits each fit a number without loss. */
const LONGEST_DTYPE = 7;
const LONGEST_NUMBER = 15;
const MOST_SIZES = 8;
const SHAPES = 4;

const [DTYPE, SHAPE, OFFSETS] = ['{"dtype":', '"shape":', '"data_offsets":'].map((text) => Buffer.from(text));

/**
 * Reads the entry of a tensor the quick way where it is written as every library writes it: dtype, shape, offsets, in this order,
 * with a space after colons and commas or none. Hands out the same string and the same shape again where they repeat.
 */
export class EntryReader extends JsonReader {
  private at = 0;
  private readonly dtypes = new Map<number, string>();
  private readonly shapes: (readonly number[])[] = [];
  private oldest = 0;
  private readonly sizes: number[] = [];

  /** The entry at the cursor; `null`, and the cursor where it was, for whatever is written in another way. */
  shortEntry(): ShortEntry | null {
    if (this.fault !== null) return null;
    this.at = this.position;
    if (!this.passes(DTYPE)) return null;
    const dtype = this.dtype();
    if (dtype === null || !this.passesByte(COMMA) || !this.passes(SHAPE)) return null;
    const shape = this.list();
    if (shape === null || !this.passesByte(COMMA) || !this.passes(OFFSETS)) return null;
    if (!this.passesByte(OPEN_BRACKET)) return null;
    const start = this.digits15();
    if (start < 0 || !this.passesByte(COMMA)) return null;
    this.passSpace();
    const end = this.digits15();
    if (end < 0 || !this.passesByte(CLOSE_BRACKET) || !this.passesByte(CLOSE_BRACE)) return null;
    this.position = this.at;
    return { dtype, shape, start, end };
  }

  private passSpace(): void {
    if (this.bytes[this.at] === SPACE) this.at++;
  }

  private passesByte(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  private passes(text: Uint8Array | undefined): boolean {
    this.passSpace();
    const { bytes, at } = this;
    const length = text?.length ?? 0;
    for (let index = 0; index < length; index++) if (bytes[at + index] !== text?.[index]) return false;
    this.at = at + length;
    this.passSpace();
    return true;
  }

  private dtype(): string | null {
    if (!this.passesByte(QUOTE)) return null;
    const { bytes } = this;
    const start = this.at;
    let key = 0;
    let end = start;
    for (; bytes[end] !== QUOTE; end++) {
      const byte = bytes[end] ?? 0;
      // Letters, digits, underscores; nothing that would have to be unescaped.
      if (byte < ZERO || byte > 0x7a || byte === 0x5c || end - start === LONGEST_DTYPE) return null;
      key = key * 128 + byte;
    }
    this.at = end + 1;
    let dtype = this.dtypes.get(key);
    if (dtype === undefined) {
      dtype = bytes.toString('latin1', start, end);
      this.dtypes.set(key, dtype);
    }
    return dtype;
  }

  /** A list of whole numbers. */
  private list(): readonly number[] | null {
    if (!this.passesByte(OPEN_BRACKET)) return null;
    const { sizes } = this;
    sizes.length = 0;
    if (this.passesByte(CLOSE_BRACKET)) return this.shared();
    for (;;) {
      const size = this.digits15();
      if (size < 0 || sizes.length === MOST_SIZES) return null;
      sizes.push(size);
      if (this.passesByte(CLOSE_BRACKET)) return this.shared();
      if (!this.passesByte(COMMA)) return null;
      this.passSpace();
    }
  }

  private digits15(): number {
    const { bytes } = this;
    const start = this.at;
    let value = 0;
    let end = start;
    for (;;) {
      const digit = (bytes[end] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      end++;
    }
    const length = end - start;
    if (length === 0 || length > LONGEST_NUMBER || (length > 1 && bytes[start] === ZERO)) return -1;
    this.at = end;
    return value;
  }

  /** The numbers just read; one of the last lists where it is the same. */
  private shared(): readonly number[] {
    const { sizes, shapes } = this;
    for (const shape of shapes) if (isSame(shape, sizes)) return shape;
    const made = sizes.slice();
    shapes[this.oldest] = made;
    this.oldest = (this.oldest + 1) % SHAPES;
    return made;
  }
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
