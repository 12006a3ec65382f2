const encoder = new TextEncoder();

/** Bytes of a protobuf message as it is put together. Nested messages are writers of their own. */
export class WireWriter {
  private readonly parts: Uint8Array[] = [];
  /** Bytes so far. */
  length = 0;

  /** A whole number within ±(2^53 − 1), as int64. */
  integer(field: number, value: number): this {
    this.add(varint(field * 8));
    return this.add(varint(value));
  }

  /** A float of 32 bits. */
  float(field: number, value: number): this {
    this.add(varint(field * 8 + 5));
    return this.add(new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A text, bytes or a nested message. */
  content(field: number, content: string | Uint8Array | WireWriter): this {
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    this.add(varint(field * 8 + 2));
    this.add(varint(bytes.length));
    if (!(bytes instanceof WireWriter)) return this.add(bytes);
    this.parts.push(...bytes.parts);
    this.length += bytes.length;
    return this;
  }

  /** Whole numbers, packed. */
  integers(field: number, values: readonly number[]): this {
    const packed = new WireWriter();
    for (const value of values) packed.add(varint(value));
    return this.content(field, packed);
  }

  /** All bytes in one array. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let done = 0;
    for (const part of this.parts) {
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  private add(bytes: Uint8Array): this {
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  if (value >= 0 && value < 128) return Uint8Array.of(value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
