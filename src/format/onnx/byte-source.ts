import fs from 'node:fs';
import { problemFromError, type Problem } from '../../protocol/result';

/** Bytes that can be looked at anywhere. After a failed read every byte is 0 and `problem` says why. */
export interface ByteSource {
  readonly path: string;
  readonly length: number;
  readonly problem: Problem | null;
  byte(position: number): number;
  /** A copy of `length` bytes from `offset` on. */
  bytes(offset: number, length: number): Uint8Array;
}

/** Bytes that are in memory already. */
export class MemorySource implements ByteSource {
  readonly problem = null;

  constructor(
    readonly path: string,
    private readonly content: Uint8Array,
  ) {}

  get length(): number {
    return this.content.length;
  }

  byte(position: number): number {
    return this.content[position] ?? 0;
  }

  bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.content.subarray(offset, offset + length));
  }
}

const WINDOW = 2 ** 18;

/** An open file, read a window at a time: the weights between the parts that are looked at are passed over. */
export class FileSource implements ByteSource {
  problem: Problem | null = null;
  private readonly window: Uint8Array;
  private start = 0;
  private end = 0;

  constructor(
    readonly path: string,
    readonly length: number,
    private readonly descriptor: number,
  ) {
    this.window = new Uint8Array(Math.min(WINDOW, length));
  }

  byte(position: number): number {
    if (position < this.start || position >= this.end) {
      this.start = position;
      this.end = position + this.fill(this.window, position);
      if (position >= this.end) return 0;
    }
    return this.window[position - this.start] ?? 0;
  }

  bytes(offset: number, length: number): Uint8Array {
    const target = new Uint8Array(length);
    let done = 0;
    while (done < length && this.problem === null) {
      const read = this.fill(target.subarray(done), offset + done);
      if (read === 0) break;
      done += read;
    }
    return target;
  }

  private fill(target: Uint8Array, position: number): number {
    if (this.problem !== null) return 0;
    try {
      const read = fs.readSync(this.descriptor, target, 0, target.length, position);
      if (read === 0) {
        this.problem = {
          code: 'file-changed',
          message: `${this.path} ends before byte ${String(position)}. It was longer when it was opened.`,
          action: 'Wait until the program that writes it is done, then open it again.',
          path: this.path,
        };
      }
      return read;
    } catch (error) {
      this.problem = problemFromError(error, this.path);
      return 0;
    }
  }
}
