import { Buffer } from 'node:buffer';

/** A stream of pseudorandom numbers: Marsaglia's xorshift of 32 bits ("Xorshift RNGs", 2003). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  /** 32 bits. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }

  /** A whole number from 0 to `below` − 1. */
  below(below: number): number {
    return this.next() % below;
  }

  pick<T>(of: readonly T[]): T | undefined {
    return of[this.below(of.length || 1)];
  }
}

/** Where lengths and counts turn into something else. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  ...[7n, 8n, 15n, 16n, 20n, 24n, 26n, 28n, 31n, 32n, 53n, 63n, 64n].flatMap((bit) => [
    2n ** bit - 1n,
    2n ** bit,
    2n ** bit + 1n,
  ]),
].map((value) => BigInt.asUintN(64, value));

const LONGEST = 8192;

/** Makes new inputs of old ones. */
export class Mutator {
  constructor(
    private readonly random: Random,
    private readonly tokens: readonly Uint8Array[],
    private readonly longest = LONGEST,
  ) {}

  /** One to sixteen changes of an input, some of which take parts of another. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes: Uint8Array = Buffer.from(input);
    const changes = 1 << this.random.below(5);
    for (let i = 0; i < changes; i++) bytes = this.change(bytes, other);
    return bytes.length > this.longest ? bytes.subarray(0, this.longest) : bytes;
  }

  private change(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const { random } = this;
    const at = random.below(bytes.length || 1);
    switch (bytes.length === 0 ? 6 : random.below(14)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        return bytes;
      case 1:
        bytes[at] = random.below(256);
        return bytes;
      case 2:
        return this.number(bytes, at);
      case 3:
        return this.number(bytes, at);
      case 4: {
        // A little more or less, in 1, 2 or 4 bytes with carry.
        const width = 1 << random.below(3);
        if (at + width > bytes.length) return bytes;
        const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        const value = view.readUIntLE(at, width) + random.below(33) - 16;
        view.writeUIntLE(((value % 256 ** width) + 256 ** width) % 256 ** width, at, width);
        return bytes;
      }
      case 5:
        return splice(bytes, at, 1 + random.below(1 + random.below(32)), EMPTY);
      case 6:
        return splice(bytes, at, 0, random.pick(this.tokens) ?? EMPTY);
      case 7: {
        const token = random.pick(this.tokens) ?? EMPTY;
        return splice(bytes, at, token.length, token);
      }
      case 8: {
        const from = random.below(other.length || 1);
        const part = other.subarray(from, from + 1 + random.below(64));
        return splice(bytes, at, random.below(2) * part.length, part);
      }
      case 9: {
        // Up to here this one, from there on the other.
        const from = random.below(other.length || 1);
        return splice(bytes, at, bytes.length, other.subarray(from));
      }
      case 10: {
        const from = random.below(bytes.length);
        const part = Buffer.from(bytes.subarray(from, from + 1 + random.below(48)));
        return splice(bytes, at, random.below(2) * part.length, part);
      }
      case 11:
        return bytes.subarray(0, bytes.length - 1 - random.below(Math.min(16, bytes.length)));
      case 12:
        return this.digits(bytes, at);
      default:
        return splice(bytes, at, 0, Buffer.alloc(1 + random.below(8), random.below(256)));
    }
  }

  /** A number at an edge, of 1 to 8 bytes, either way round, or as a varint of protobuf. */
  private number(bytes: Uint8Array, at: number): Uint8Array {
    const { random } = this;
    const value = random.pick(EDGES) ?? 0n;
    const width = 1 << random.below(4);
    if (random.below(8) === 0) return splice(bytes, at, 1, varint(value));
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64LE(value);
    const number = eight.subarray(0, width);
    return splice(bytes, at, width, random.below(4) === 0 ? number.reverse() : number);
  }

  /** Another number in place of the digits that stand there. */
  private digits(bytes: Uint8Array, at: number): Uint8Array {
    const isDigit = (i: number) => (bytes[i] ?? 0) >= 0x30 && (bytes[i] ?? 0) <= 0x39;
    let start = at;
    while (start < bytes.length && !isDigit(start)) start++;
    if (start === bytes.length) return bytes;
    let end = start;
    while (isDigit(end)) end++;
    const value = this.random.below(2) === 0 ? BigInt(this.random.below(70)) : this.random.pick(EDGES);
    return splice(bytes, start, end - start, Buffer.from(String(value ?? 0n)));
  }
}

const EMPTY = new Uint8Array(0);

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove))]);
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const more = rest > 127n;
    out.push(Number(rest & 127n) | (more ? 128 : 0));
    if (!more) return Uint8Array.from(out);
  }
}

/** Texts as bytes, whole numbers as little-endian bytes as well as digits. */
export function tokenBytes(literals: readonly (string | number)[]): readonly Uint8Array[] {
  return literals.flatMap((literal): Uint8Array[] => {
    if (typeof literal === 'string') return [Buffer.from(literal, 'utf8')];
    if (!Number.isSafeInteger(literal) || literal < 0) return [];
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64LE(BigInt(literal));
    if (literal < 256) return [eight.subarray(0, 1)];
    const width = literal < 2 ** 16 ? 2 : literal < 2 ** 32 ? 4 : 8;
    return [eight.subarray(0, width), Buffer.from(eight.subarray(0, width)).reverse()];
  });
}
