import type { ByteSource } from './byte-source';

/** The first thing that was wrong, shared by all readers of one model. */
export interface WireState {
  readonly source: ByteSource;
  failure: { readonly offset: number; readonly message: string; readonly tooLarge: boolean } | null;
}

/** Wire types of protobuf (protobuf.dev/programming-guides/encoding). */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

const MOST_NAME_BYTES = 2 ** 16;
const MOST_VARINT_BYTES = 10;
const LARGEST = Number.MAX_SAFE_INTEGER;

const decoder = new TextDecoder();

/**
 * Walks over the fields of one protobuf message at bytes `position … end − 1`. The first failure ends this walk and all
 * others over the same model: `next` then returns `false`, and `state.failure` says what is wrong.
 *
 *     while (reader.next()) if (reader.field === 1) name = reader.text(); else reader.skip();
 */
export class WireReader {
  field = 0;
  wire = 0;

  constructor(
    readonly state: WireState,
    public position: number,
    readonly end: number,
  ) {}

  /** Goes to the next field; `false` at the end of the message and after a failure. */
  next(): boolean {
    if (this.state.failure !== null || this.position >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.state.failure !== null) return false;
    if (this.field < 1 || this.field > 2 ** 29 - 1)
      return this.fail(`has the field number ${String(this.field)}`);
    return true;
  }

  /** A whole number, read as signed 64 bits. Beyond ±(2^53 − 1) the nearest bound. */
  integer(): number {
    if (!this.is(VARINT)) return 0;
    return this.signed();
  }

  /** A float of 32 bits. */
  float(): number {
    if (!this.is(FIXED32)) return 0;
    const start = this.take(4);
    return start < 0 ? 0 : new DataView(this.state.source.bytes(start, 4).buffer).getFloat32(0, true);
  }

  /** A text of at most 64 KiB: names of values, operators and files. */
  text(most = MOST_NAME_BYTES): string {
    const { start, length } = this.span();
    if (length > most) {
      this.fail(`has a text of ${String(length)} bytes`, true);
      return '';
    }
    return length === 0 ? '' : decoder.decode(this.state.source.bytes(start, length));
  }

  /** A nested message. */
  message(): WireReader {
    const { start, length } = this.span();
    return new WireReader(this.state, start, start + length);
  }

  /** Where the bytes of a length-delimited field lie; they are passed over. */
  span(): { readonly start: number; readonly length: number } {
    if (!this.is(LENGTH)) return { start: this.position, length: 0 };
    const length = this.varint();
    if (this.state.failure === null && length > this.end - this.position) {
      this.fail(`claims ${String(length)} bytes where ${String(this.end - this.position)} are left`);
    }
    if (this.state.failure !== null) return { start: this.end, length: 0 };
    return { start: this.take(length), length };
  }

  /** Adds whole numbers, packed or single, to `into`, of which there may be `most`. */
  integers(into: number[], most: number): void {
    if (this.wire === VARINT) {
      into.push(this.signed());
    } else {
      const packed = this.message();
      while (packed.position < packed.end && this.state.failure === null && into.length <= most) {
        into.push(packed.signed());
      }
    }
    if (into.length > most) this.fail(`lists more than ${String(most)} numbers`, true);
  }

  /** Adds whole numbers, packed or single, as pairs of their lower and upper 32 bits; there may be `most` pairs in `into`. */
  halvesOfIntegers(into: number[], most: number): void {
    const push = (reader: WireReader): void => {
      const { low, high } = reader.halves();
      into.push(low, high);
    };
    if (this.wire === VARINT) push(this);
    else {
      const packed = this.message();
      while (packed.position < packed.end && this.state.failure === null && into.length <= 2 * most)
        push(packed);
    }
    if (into.length > 2 * most) this.fail(`lists more than ${String(most)} numbers`, true);
  }

  /** Adds floats of 32 bits, packed or single, to `into`, of which there may be `most`. */
  floats(into: number[], most: number): void {
    if (this.wire === FIXED32) {
      into.push(this.float());
    } else {
      const { start, length } = this.span();
      if (length % 4 !== 0) this.fail('has packed floats that end inside one');
      else if (length / 4 > most) this.fail(`lists more than ${String(most)} numbers`, true);
      else into.push(...new Float32Array(this.state.source.bytes(start, length).buffer));
    }
    if (into.length > most) this.fail(`lists more than ${String(most)} numbers`, true);
  }

  /** Passes over a field that nothing reads. */
  skip(): void {
    if (this.wire === VARINT) this.varint();
    else if (this.wire === FIXED64) this.take(8);
    else if (this.wire === LENGTH) this.span();
    else if (this.wire === FIXED32) this.take(4);
    else this.fail(`has the wire type ${String(this.wire)}`);
  }

  /** Notes the first failure. Always `false`. */
  fail(message: string, tooLarge = false): false {
    this.state.failure ??= { offset: this.position, message, tooLarge };
    this.position = this.end;
    return false;
  }

  private is(wire: number): boolean {
    if (this.wire === wire) return true;
    return this.fail(`has field ${String(this.field)} in the wire type ${String(this.wire)}`);
  }

  /** Start of the next `length` bytes, or −1 where there are fewer. */
  private take(length: number): number {
    const start = this.position;
    if (length > this.end - start) {
      this.fail('breaks off inside a value');
      return -1;
    }
    this.position = start + length;
    return start;
  }

  /** An unsigned varint; beyond 2^53 − 1 that bound. */
  private varint(): number {
    const { low, high } = this.halves();
    return high >= 2 ** 21 ? LARGEST : high * 2 ** 32 + low;
  }

  private signed(): number {
    const { low, high } = this.halves();
    if (high < 2 ** 31) return high >= 2 ** 21 ? LARGEST : high * 2 ** 32 + low;
    const value = (high - 2 ** 32) * 2 ** 32 + low;
    return value < -LARGEST ? -LARGEST : value;
  }

  /** The 64 bits of a varint. */
  private halves(): { low: number; high: number } {
    let low = 0;
    let high = 0;
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      if (this.position >= this.end) {
        this.fail('breaks off inside a number');
        return { low: 0, high: 0 };
      }
      const byte = this.state.source.byte(this.position++);
      const bits = byte & 127;
      if (i < 4) low += bits * 2 ** (7 * i);
      else if (i === 4) {
        low += (bits & 15) * 2 ** 28;
        high += bits >> 4;
      } else high += bits * 2 ** (7 * i - 32);
      if (byte < 128) return { low, high: high % 2 ** 32 };
    }
    this.fail('has a number of more than 10 bytes');
    return { low: 0, high: 0 };
  }
}
