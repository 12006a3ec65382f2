import type { Result } from '../../protocol/result';
import type { ReadBytes } from '../read';

/** Metadata is read in parts of so many bytes. */
const PAGE = 2 ** 16;
/** So much metadata no checkpoint has: names, shapes and places of half a million tensors. */
const MOST_PAGES = 2 ** 13;

/** Thrown inside the reader of HDF5 only; whoever calls it makes a problem of it. */
export class Hdf5Error extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** Thrown where the file itself could not be read: the problem is passed on as it is. */
export class Hdf5ReadError extends Error {
  constructor(readonly problem: (Result<never> & { ok: false })['problem']) {
    super(problem.message);
  }
}

/** An HDF5 file's metadata, read in pages when it is needed. Addresses count from its superblock's base. */
export class Hdf5File {
  private readonly pages = new Map<number, Promise<Result<Uint8Array>>>();
  /** Bytes of an address and of a length. */
  addressBytes = 8;
  lengthBytes = 8;

  constructor(
    private readonly read: ReadBytes,
    readonly bytes: number,
  ) {}

  /** A cursor over `length` bytes from an address on. */
  async at(address: number, length: number): Promise<Cursor> {
    if (!(address >= 0 && length >= 0 && address + length <= this.bytes))
      throw new Hdf5Error(`points to ${String(length)} bytes outside of the file`, address);
    const first = Math.floor(address / PAGE);
    const last = Math.floor((address + Math.max(length, 1) - 1) / PAGE);
    if (last - first >= MOST_PAGES) throw new Hdf5Error('has a piece of metadata beyond all bounds', address);
    const pages: Uint8Array[] = [];
    for (let page = first; page <= last; page++) pages.push(await this.page(page));
    const [only] = pages;
    const whole = pages.length === 1 && only !== undefined ? only : Buffer.concat(pages);
    const start = address - first * PAGE;
    return new Cursor(this, whole.subarray(start, start + length), address);
  }

  private async page(number: number): Promise<Uint8Array> {
    let page = this.pages.get(number);
    if (page === undefined) {
      if (this.pages.size >= MOST_PAGES)
        throw new Hdf5Error('has more metadata than any checkpoint', number * PAGE);
      const start = number * PAGE;
      this.pages.set(number, (page = this.read(start, Math.min(PAGE, this.bytes - start))));
    }
    const bytes = await page;
    if (!bytes.ok) throw new Hdf5ReadError(bytes.problem);
    return bytes.value;
  }
}

/** Reads little-endian fields one after the other; throws {@link Hdf5Error} at the end. */
export class Cursor {
  private readonly view: DataView;
  position = 0;

  constructor(
    private readonly file: Hdf5File,
    readonly bytes: Uint8Array,
    /** Address of the first byte. */
    readonly address: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  fail(message: string): never {
    throw new Hdf5Error(message, this.address + this.position);
  }

  skip(length: number): number {
    const start = this.position;
    if (!(length >= 0) || start + length > this.bytes.length) this.fail('breaks off within a record');
    this.position += length;
    return start;
  }

  u8 = (): number => this.view.getUint8(this.skip(1));
  u16 = (): number => this.view.getUint16(this.skip(2), true);
  u32 = (): number => this.view.getUint32(this.skip(4), true);

  /** A whole number of any size; all ones (which stands for "none") and what is beyond 2⁵³ are `Infinity`. */
  unsigned(size: number): number {
    const start = this.skip(size);
    let value = 0;
    let ones = true;
    for (let i = size - 1; i >= 0; i--) {
      const byte = this.bytes[start + i] ?? 0;
      ones &&= byte === 0xff;
      value = value * 256 + byte;
    }
    return (ones && size >= 4) || value > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : value;
  }

  addressField(): number {
    return this.unsigned(this.file.addressBytes);
  }

  length(): number {
    return this.unsigned(this.file.lengthBytes);
  }

  raw(length: number): Uint8Array {
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The next bytes as a cursor of their own. */
  part(length: number): Cursor {
    const start = this.skip(length);
    return new Cursor(this.file, this.bytes.subarray(start, start + length), this.address + start);
  }

  signature(expected: string): void {
    const start = this.position;
    const found = Buffer.from(this.raw(expected.length)).toString('latin1');
    if (found === expected) return;
    this.position = start;
    this.fail(`has no ${expected} where one should be`);
  }
}

/** Text up to its first zero byte. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
