import fs from 'node:fs';
import { problemFromError, type Problem } from '../protocol/result';
import type { TensorSpan } from './span';

/** Descriptors held open at once: few enough for the usual limits, enough for every task of a large group. */
const MOST_OPEN = 64;

/** The files that one worker reads for one pass, opened when first needed. */
export class OpenFiles {
  /** Least recently used first. */
  private readonly descriptors = new Map<string, number>();

  /**
   * Fills `target` from byte `offset` of the span on. Fails with `file-changed` where the file ends before, or with
   * the operating system's answer.
   */
  read(span: TensorSpan, offset: number, target: Uint8Array): Problem | null {
    try {
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

  /** Closes all; the next read opens anew. */
  close(): void {
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
