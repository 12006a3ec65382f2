import type { Result } from '../protocol/result';
import type { ReadBytes } from './read';

/** Thrown inside the walker only; whoever calls it makes a problem of it. */
export class MsgpackError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** Thrown where the file itself could not be read. */
export class MsgpackReadError extends Error {
  constructor(readonly problem: (Result<never> & { ok: false })['problem']) {
    super(problem.message);
  }
}

/** Bytes of a file that are not read. */
export class MsgpackBytes {
  constructor(
    readonly offset: number,
    readonly length: number,
  ) {}
}

/** A value of an extension type: its type, and where its bytes are. */
export class MsgpackExtension {
  constructor(
    readonly type: number,
    readonly data: MsgpackBytes,
  ) {}
}

/** A value of msgpack. Texts are read; binary data and extensions are places in the file. */
export type Msgpack =
  null | boolean | number | string | Msgpack[] | Map<string, Msgpack> | MsgpackBytes | MsgpackExtension;

const PAGE = 2 ** 16;
const DEEPEST = 128;
const MOST_VALUES = 4_000_000;
const LONGEST_TEXT = 2 ** 20;

/**
 * Walks through a file of msgpack (the format's specification, version 5) and passes over binary data, so that of a model of
 * any size only names and shapes are read, a page at a time.
 */
export class MsgpackWalker {
  private page: Buffer = Buffer.alloc(0);
  private pageStart = 0;
  private values = 0;

  constructor(
    private readonly read: ReadBytes,
    private readonly end: number,
    private at = 0,
  ) {}

  /** Offset of the next value. */
  get position(): number {
    return this.at;
  }

  /** The next value. Throws {@link MsgpackError} or {@link MsgpackReadError}. */
  async value(depth = 0): Promise<Msgpack> {
    if (depth > DEEPEST) this.fail('is nested too deeply');
    if (++this.values > MOST_VALUES) this.fail('holds more values than any checkpoint');
    const code = await this.unsigned(1);
    if (code < 0x80) return code;
    if (code < 0x90) return this.map(code & 0x0f, depth);
    if (code < 0xa0) return this.list(code & 0x0f, depth);
    if (code < 0xc0) return this.text(code & 0x1f);
    if (code >= 0xe0) return code - 256;
    return this.wide(code, depth);
  }

  private async wide(code: number, depth: number): Promise<Msgpack> {
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.bytes(await this.unsigned(1 << (code - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(await this.unsigned(1 << (code - 0xc7)));
      case 0xca:
        return (await this.raw(4)).readFloatBE(0);
      case 0xcb:
        return (await this.raw(8)).readDoubleBE(0);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.unsigned(1 << (code - 0xcc));
      case 0xd0:
        return (await this.raw(1)).readInt8(0);
      case 0xd1:
        return (await this.raw(2)).readInt16BE(0);
      case 0xd2:
        return (await this.raw(4)).readInt32BE(0);
      case 0xd3:
        return Number((await this.raw(8)).readBigInt64BE(0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (code - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(await this.unsigned(1 << (code - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.list(await this.unsigned(code === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.map(await this.unsigned(code === 0xde ? 2 : 4), depth);
      default:
        return this.fail(`has the unknown code 0x${code.toString(16)}`);
    }
  }

  private async list(length: number, depth: number): Promise<Msgpack[]> {
    // Every value has a byte at least: a length beyond the file is none, and nothing is made for it.
    if (length > this.end - this.at) this.fail('has a list beyond its end');
    const list: Msgpack[] = [];
    for (let i = 0; i < length; i++) list.push(await this.value(depth + 1));
    return list;
  }

  private async map(length: number, depth: number): Promise<Map<string, Msgpack>> {
    if (2 * length > this.end - this.at) this.fail('has a map beyond its end');
    const map = new Map<string, Msgpack>();
    for (let i = 0; i < length; i++) {
      const key = await this.value(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number') this.fail('has a key that is no text');
      map.set(String(key), await this.value(depth + 1));
    }
    return map;
  }

  private async text(length: number): Promise<string> {
    if (length > LONGEST_TEXT) this.fail('has a text beyond all bounds');
    return (await this.raw(length)).toString('utf8');
  }

  private bytes(length: number): MsgpackBytes {
    const start = this.at;
    if (start + length > this.end) {
      const short = start + length - this.end;
      throw new MsgpackError(`is ${String(short)} bytes short: it ends within a value`, this.end);
    }
    this.at += length;
    return new MsgpackBytes(start, length);
  }

  private async extension(length: number): Promise<MsgpackExtension> {
    const type = (await this.raw(1)).readInt8(0);
    return new MsgpackExtension(type, this.bytes(length));
  }

  private async unsigned(length: number): Promise<number> {
    const bytes = await this.raw(length);
    return length === 8 ? Number(bytes.readBigUInt64BE(0)) : bytes.readUIntBE(0, length);
  }

  private async raw(length: number): Promise<Buffer> {
    if (this.at + length > this.end)
      throw new MsgpackError(`is at least ${String(this.at + length - this.end)} bytes short`, this.end);
    if (this.at < this.pageStart || this.at + length > this.pageStart + this.page.length) {
      const read = await this.read(this.at, Math.min(Math.max(PAGE, length), this.end - this.at));
      if (!read.ok) throw new MsgpackReadError(read.problem);
      this.page = Buffer.from(read.value.buffer, read.value.byteOffset, read.value.length);
      this.pageStart = this.at;
    }
    const start = this.at - this.pageStart;
    this.at += length;
    return this.page.subarray(start, start + length);
  }

  private fail(message: string): never {
    throw new MsgpackError(message, this.at);
  }
}
