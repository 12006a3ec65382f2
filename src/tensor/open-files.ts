import fs from 'node:fs';
import { problemFromError, type Problem } from '../protocol/result';
import { hasBlocks, heldBlocks, isHeld, isMirrored } from './mirrored';
import type { TensorSpan } from './span';
import { readStored } from './stored/registry';
import { forgetSources } from './stored/whole-sources';

/** Descriptors held open at once: few enough for the usual limits, enough for every task of a large group. */
const MOST_OPEN = 64;

/** Bytes read ahead, of a file in which spans of at most so many follow each other. */
const AHEAD = 2 ** 16;
const SMALL = 2 ** 12;

/** Bytes `start … end − 1` of a file, and where the last small span that was asked for ends. */
interface ReadAhead {
  start: number;
  end: number;
  follows: number;
  bytes: Uint8Array;
}

/** The files that one worker reads for one pass, opened when first needed. */
export class OpenFiles {
  /** Least recently used first. */
  private readonly descriptors = new Map<string, number>();
  private readonly ahead = new Map<string, ReadAhead>();
  /** Of copies of remote files the blocks that are there; `null`: all. */
  private readonly held = new Map<string, Uint8Array | null>();

  /**
   * Fills `target` from byte `offset` of the span on. Fails with `file-changed` where the file ends before, or with
   * the operating system's answer.
   */
  read(span: TensorSpan, offset: number, target: Uint8Array): Problem | null {
    if (span.memory !== undefined) {
      target.set(new Uint8Array(span.memory, span.offset + offset, target.length));
      return null;
    }
    if (span.stored !== undefined)
      return readStored(span.stored, span.offset + offset, target, this.readSource);
    const hole = isMirrored(span.path) ? this.holeIn(span, offset, target.length) : null;
    if (hole !== null) return hole;
    try {
      if (this.copyFromAhead(span, offset, target)) return null;
      const descriptor = this.open(span.path);
      let done = 0;
      while (done < target.length) {
        const position = span.offset + offset + done;
        const read = fs.readSync(descriptor, target, done, target.length - done, position);
        if (read === 0) return fileChanged(span, position);
        done += read;
      }
      return null;
    } catch (error) {
      return problemFromError(error, span.path);
    }
  }

  /**
   * Serves small tensors that follow each other in a file from what was read ahead: asking the operating system costs
   * far more than a few hundred bytes do. `false` where that is not so, or the file ends too soon.
   */
  private copyFromAhead(span: TensorSpan, offset: number, target: Uint8Array): boolean {
    if (target.length > SMALL) return false;
    const position = span.offset + offset;
    const ahead = this.ahead.get(span.path) ?? { start: 0, end: 0, follows: -1, bytes: new Uint8Array(0) };
    this.ahead.set(span.path, ahead);
    const near = position >= ahead.follows && position <= ahead.follows + SMALL;
    ahead.follows = position + target.length;
    if (position < ahead.start || position + target.length > ahead.end) {
      if (!near) return false;
      if (ahead.bytes.length === 0) ahead.bytes = new Uint8Array(AHEAD);
      const read = fs.readSync(this.open(span.path), ahead.bytes, 0, AHEAD, position);
      ahead.start = position;
      ahead.end = position + read;
      if (target.length > read) return false;
    }
    target.set(ahead.bytes.subarray(position - ahead.start, position - ahead.start + target.length));
    return true;
  }

  /** Nothing of a copy of a remote file is read that has not come: it would read as zeros. */
  private holeIn(span: TensorSpan, offset: number, length: number): Problem | null {
    const [start, end] = [span.offset + offset, span.offset + offset + length];
    const isHere = () => {
      const held = this.held.get(span.path);
      return held !== undefined && (held === null || isHeld(held, start, end));
    };
    if (isHere()) return null;
    this.held.set(span.path, hasBlocks(span.path) ? heldBlocks(span.path) : null);
    // What was read ahead may be from before.
    this.ahead.delete(span.path);
    return isHere() ? null : notFetched(span.path, start);
  }

  private readonly readSource = (span: TensorSpan, offset: number, target: Uint8Array) =>
    this.read(span, offset, target);

  /** Closes all; the next read opens anew. */
  close(): void {
    forgetSources();
    this.ahead.clear();
    for (const descriptor of this.descriptors.values()) fs.closeSync(descriptor);
    this.descriptors.clear();
  }

  private open(path: string): number {
    const known = this.descriptors.get(path);
    if (known !== undefined) {
      this.descriptors.delete(path);
      this.descriptors.set(path, known);
      return known;
    }
    const [oldest] = this.descriptors;
    if (oldest !== undefined && this.descriptors.size >= MOST_OPEN) {
      fs.closeSync(oldest[1]);
      this.descriptors.delete(oldest[0]);
    }
    const descriptor = fs.openSync(path, 'r');
    this.descriptors.set(path, descriptor);
    return descriptor;
  }
}

function notFetched(path: string, start: number): Problem {
  return {
    code: 'hub-copy',
    message: `Byte ${String(start)} of ${path}, a copy of a file of the Hub, has not been fetched.`,
    action: 'Open the model by its address again.',
    path,
    at: String(start),
  };
}

function fileChanged(span: TensorSpan, position: number): Problem {
  return {
    code: 'file-changed',
    message:
      `${span.path} ends at or before byte ${position}, inside the tensor at bytes ${span.offset} to ` +
      `${span.offset + span.bytes}. It was longer when it was opened.`,
    action: 'Wait until the program that writes it is done, then open it again.',
    path: span.path,
    at: String(position),
  };
}
