import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { quoted } from '../../format/problems';
import { success, type Problem, type Result } from '../../protocol/result';
import { withSameFile, type ByteRange, type FileState, type ReadBytes } from './byte-range';
import { refuse } from './problems';
import type { ZipEntry } from '../../format/zip-directory';

const CHUNK = 65_536;

/**
 * The unpacked bytes of a deflated zip entry. They are unpacked from the start up to what is asked for, in memory that
 * does not grow with them; going back begins anew. Where the end is reached, length and CRC-32 are checked. Fails with
 * `data-malformed`.
 */
export function inflatedRange(file: FileState, entry: ZipEntry): ByteRange {
  return {
    path: file.path,
    length: entry.bytes,
    withBytes: (use) =>
      withSameFile(file, async (read) => {
        const inflating = new Inflating(file.path, entry, read);
        try {
          return await use((offset, length) => inflating.read(offset, length));
        } finally {
          inflating.stop();
        }
      }),
  };
}

class Inflating {
  private stream: zlib.InflateRaw | null = null;
  private chunks: AsyncIterator<Uint8Array> | null = null;
  /** Of the chunk at hand: its bytes and where they stand among all. */
  private chunk: Uint8Array = new Uint8Array(0);
  private chunkStart = 0;
  private crc = 0;
  private readProblem: Problem | null = null;

  constructor(
    private readonly path: string,
    private readonly entry: ZipEntry,
    private readonly readFile: ReadBytes,
  ) {}

  async read(offset: number, length: number): Promise<Result<Uint8Array>> {
    if (offset + length > this.entry.bytes) return this.broken('ends before what is asked of it');
    if (this.chunks === null || offset < this.chunkStart) this.begin();
    const target = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const from = offset + done - this.chunkStart;
      if (from >= this.chunk.length) {
        const more = await this.next();
        if (!more.ok) return more;
        if (!more.value)
          return this.broken(`has ${String(this.chunkStart)} bytes and claims ${String(this.entry.bytes)}`);
        continue;
      }
      const part = this.chunk.subarray(from, from + length - done);
      target.set(part, done);
      done += part.length;
    }
    const ended = offset + length === this.entry.bytes ? await this.checkEnd() : success(null);
    return ended.ok ? success(target) : ended;
  }

  stop(): void {
    this.stream?.destroy();
    this.stream = null;
    this.chunks = null;
  }

  private begin(): void {
    this.stop();
    const stream = zlib.createInflateRaw({ chunkSize: CHUNK });
    const source = Readable.from(this.packed());
    source.on('error', (error) => stream.destroy(error));
    stream.on('close', () => source.destroy());
    source.pipe(stream);
    this.stream = stream;
    this.chunks = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    this.chunk = new Uint8Array(0);
    this.chunkStart = 0;
    this.crc = 0;
  }

  private async *packed(): AsyncGenerator<Uint8Array> {
    const { start, packedBytes } = this.entry;
    for (let at = 0; at < packedBytes; at += CHUNK) {
      const bytes = await this.readFile(start + at, Math.min(CHUNK, packedBytes - at));
      if (!bytes.ok) {
        this.readProblem = bytes.problem;
        return;
      }
      yield bytes.value;
    }
  }

  /** Takes the next chunk; `false` at the end. */
  private async next(): Promise<Result<boolean>> {
    try {
      const step = await this.chunks?.next();
      if (this.readProblem !== null) return { ok: false, problem: this.readProblem };
      this.chunkStart += this.chunk.length;
      this.chunk = step === undefined || step.done === true ? new Uint8Array(0) : step.value;
      this.crc = zlib.crc32(this.chunk, this.crc);
      return success(this.chunk.length > 0);
    } catch (error) {
      if (this.readProblem !== null) return { ok: false, problem: this.readProblem };
      return this.broken(`cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async checkEnd(): Promise<Result<null>> {
    if (this.chunkStart + this.chunk.length > this.entry.bytes)
      return this.broken(`has more than the ${String(this.entry.bytes)} bytes that it claims`);
    const more = await this.next();
    if (!more.ok) return more;
    if (more.value) return this.broken(`has more than the ${String(this.entry.bytes)} bytes that it claims`);
    return this.crc === this.entry.crc ? success(null) : this.broken('has another checksum than it says');
  }

  private broken(what: string): Result<never> {
    return refuse(
      'data-malformed',
      this.path,
      `${this.path}: ${quoted(this.entry.name)} ${what}.`,
      this.entry.name,
    );
  }
}

/** Why the bytes of an entry cannot be had; `null` where they can. */
export function packingReason({ method, encrypted }: ZipEntry): string | null {
  if (encrypted) return 'it is encrypted';
  return method === 0 || method === 8 ? null : `it is packed by the method ${String(method)} of zip`;
}
