const SPACE = 0x20;
const ZERO = 0x30;
const LINE_FEED = 0x0a;
/** Bytes that a character of a string takes at most in UTF-8. */
const WIDEST_CHARACTER = 3;
/** Digits of 2^53, and more. */
const LONGEST_NUMBER = 20;

/**
 * Writes columns of text into one run of bytes: of a text of 200,000 lines, strings for all its cells would take longer to make and
 * to let go of than everything else together.
 */
export class LineWriter {
  private bytes: Buffer;
  private length = 0;
  private isAscii = true;

  /** `expected` is about how many bytes will be written. */
  constructor(expected = 0) {
    this.bytes = Buffer.allocUnsafe(expected + 1024);
  }

  /** The text so far. */
  toString(): string {
    return this.bytes.toString(this.isAscii ? 'latin1' : 'utf8', 0, this.length);
  }

  /** The same in UTF-8; what is written later does not change it. */
  toBytes(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** A text, filled up to `width` characters with spaces behind it. */
  left(text: string, width: number): void {
    this.reserve(WIDEST_CHARACTER * text.length);
    const written = this.bytes.write(text, this.length, 'utf8');
    this.isAscii &&= written === text.length;
    this.length += written;
    this.spaces(width - text.length);
  }

  /** A text, filled up to `width` characters with spaces before it. */
  right(text: string, width: number): void {
    this.spaces(width - text.length);
    this.left(text, 0);
  }

  /** A whole number ≥ 0, filled up with spaces before it. */
  number(value: number, width: number): void {
    const digits = digitsOf(value);
    this.spaces(width - digits);
    this.reserve(LONGEST_NUMBER);
    const { bytes } = this;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - 10 * tenth);
      rest = tenth;
    }
    this.length += digits;
  }

  /** So many spaces; none for a negative number. */
  spaces(count: number): void {
    if (count <= 0) return;
    this.reserve(count);
    const { bytes } = this;
    // Few: a call of `fill` takes longer.
    for (const end = this.length + count; this.length < end; this.length++) bytes[this.length] = SPACE;
  }

  /** Ends a line. */
  endLine(): void {
    this.reserve(1);
    this.bytes[this.length++] = LINE_FEED;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

/** Decimal digits of a whole number ≥ 0. */
export function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}
