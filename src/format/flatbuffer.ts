import type { ByteSource } from './onnx/byte-source';

/** Strings longer than this are no names. */
const MOST_TEXT = 4096;

/** Elements of a vector: where the first lies, and how many there are. */
export interface FlatVector {
  readonly start: number;
  readonly length: number;
}

/**
 * Reads tables, vectors and strings of a flatbuffer (flatbuffers.dev/internals) where they lie. Every offset is checked against
 * the end of the file; the first that leads out of it is `problem`, after which everything is 0, empty or `null`.
 */
export class Flatbuffer {
  problem: string | null = null;

  constructor(private readonly source: ByteSource) {}

  /** The table that the file is. */
  root(): number {
    return this.follow(0);
  }

  /** Where a field of a table lies; `null` where the table leaves it out. */
  field(table: number, index: number): number | null {
    const directory = table - this.signed(table);
    const place = 4 + 2 * index;
    if (place + 2 > this.number(directory, 2)) return null;
    const offset = this.number(directory + place, 2);
    return offset === 0 || this.problem !== null ? null : table + offset;
  }

  /** A whole number of a table, 32 bits; 0 where the table leaves it out. */
  integer(table: number, index: number): number {
    const at = this.field(table, index);
    return at === null ? 0 : this.signed(at);
  }

  /** A vector of elements of `size` bytes; empty where the table leaves it out. */
  vector(table: number, index: number, size: number): FlatVector {
    const at = this.field(table, index);
    if (at === null) return { start: 0, length: 0 };
    const start = this.follow(at);
    const length = this.number(start, 4);
    if (start + 4 + length * size > this.source.length) {
      this.fail(start, `a list of ${String(length)} elements`);
    }
    return this.problem === null ? { start: start + 4, length } : { start: 0, length: 0 };
  }

  /** A text of UTF-8; empty where the table leaves it out. */
  text(table: number, index: number): string {
    const { start, length } = this.vector(table, index, 1);
    if (length > MOST_TEXT) this.fail(start, `a name of ${String(length)} bytes`);
    return this.problem === null ? new TextDecoder().decode(this.source.bytes(start, length)) : '';
  }

  /** Signed 64 bits; beyond ±2^53 rounded. */
  long(at: number): number {
    return this.signed(at + 4) * 2 ** 32 + this.number(at, 4);
  }

  /** Where the offset at a place leads. */
  follow(at: number): number {
    return at + this.number(at, 4);
  }

  private signed(at: number): number {
    return this.number(at, 4) | 0;
  }

  private number(at: number, size: number): number {
    if (at < 0 || at + size > this.source.length) this.fail(at, `${String(size)} bytes`);
    if (this.problem !== null) return 0;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.source.byte(at + i);
    return value;
  }

  private fail(at: number, what: string): void {
    this.problem ??= `has ${what} at byte ${String(at)}, of ${String(this.source.length)}`;
  }
}
