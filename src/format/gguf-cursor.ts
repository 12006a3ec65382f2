import { countOf, type FormatCode } from './problems';

/** Why a header cannot be read on: more bytes of the file are needed, or nothing that follows makes sense. */
export type GgufStop =
  | { readonly kind: 'more'; readonly end: number }
  | { readonly kind: 'refused'; readonly code: FormatCode; readonly message: string; readonly at: string };

/** How numbers are written: version 1 has lengths of 32 bits, and every version is also written big-endian. */
export interface GgufNumbers {
  readonly bigEndian: boolean;
  readonly shortLengths: boolean;
}

/**
 * Reads a header from its first bytes. Once something is missing or wrong every read gives 0 or an empty text, and
 * {@link stop} says why, so that only loops have to look. Never reads, and never makes room for, what is not there.
 */
export class GgufCursor {
  position = 0;
  stop: GgufStop | null = null;
  numbers: GgufNumbers = { bigEndian: false, shortLengths: false };
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    /** Length of the file, of which `bytes` are the first. */
    readonly fileBytes: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Stops for good. */
  refuse(code: FormatCode, message: string, at = this.position): void {
    this.stop ??= { kind: 'refused', code, message, at: `byte ${String(at)}` };
  }

  /** Steps over `length` bytes; the place of the first, or −1 where there are not so many. */
  take(length: number, what: string): number {
    if (this.stop !== null) return -1;
    const [start, end] = [this.position, this.position + length];
    if (end > this.fileBytes) {
      const short = countOf(end - this.fileBytes, 'byte');
      const claim = `${what} at byte ${String(start)} takes ${countOf(length, 'byte')}`;
      this.refuse(
        'file-truncated',
        `is at least ${short} short: ${claim}, the file has ${String(this.fileBytes)}`,
      );
      return -1;
    }
    if (end > this.bytes.length) {
      this.stop = { kind: 'more', end };
      return -1;
    }
    this.position = end;
    return start;
  }

  u8(what: string): number {
    const place = this.take(1, what);
    return place < 0 ? 0 : this.view.getUint8(place);
  }

  u32(what: string): number {
    const place = this.take(4, what);
    return place < 0 ? 0 : this.view.getUint32(place, !this.numbers.bigEndian);
  }

  u64(what: string): bigint {
    const place = this.take(8, what);
    return place < 0 ? 0n : this.view.getBigUint64(place, !this.numbers.bigEndian);
  }

  /** A count, length, dimension or offset: 64 bits, in version 1 32. Refused beyond 2⁵³ − 1. */
  length(what: string): number {
    return this.numbers.shortLengths ? this.u32(what) : this.offset(what);
  }

  /** A number of 64 bits in every version. Refused beyond 2⁵³ − 1. */
  offset(what: string): number {
    const place = this.position;
    const low = this.u64(what);
    if (low <= Number.MAX_SAFE_INTEGER) return Number(low);
    this.refuse(
      'gguf-malformed',
      `claims ${String(low)} as ${what} (byte ${String(place)}), more than any file has`,
      place,
    );
    return 0;
  }

  /** A text behind its length, at most `most` bytes of it. */
  text(what: string, most: number): string {
    const length = this.length(`the length of ${what}`);
    const place = this.take(length, what);
    if (place < 0) return '';
    const bytes = this.bytes.subarray(place, place + Math.min(length, most));
    const text = new TextDecoder().decode(bytes);
    return length > most ? `${text.replace(/\ufffd$/, '')}…` : text;
  }

  /** Steps over a text without reading it. */
  skipText(what: string): void {
    this.take(this.length(what), what);
  }

  /** What follows as a view, for numbers of any kind; `null` where there is not so much. */
  part(length: number, what: string): DataView | null {
    const place = this.take(length, what);
    return place < 0 ? null : new DataView(this.bytes.buffer, this.bytes.byteOffset + place, length);
  }
}
