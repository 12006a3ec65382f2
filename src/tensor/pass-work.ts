import type { Problem } from '../protocol/result';
import { byteRange, planPass, spansOf, type Chunk, type PassPlan } from './chunks';
import { Scratch, type ChunkReducer } from './kernels/kernel';
import { reduceMatrix } from './kernels/matrix';
import { prepare } from './kernels/registry';
import { FactorRoom } from './kernels/stored-factors';
import { Stopped } from './linear/stop';
import { OpenFiles } from './open-files';
import type { PassItem, PassOutcome } from './pass';
import { NEXT_PORTION, STOPPED, type PassMessage, type Part } from './pass-messages';
import type { VectorKernels } from './wasm/vector-kernels';

/** Buffers of one worker thread, reused by every chunk of every pass. */
export class WorkerBuffers {
  readonly scratch: Scratch;
  private readonly buffers: Uint8Array[] = [];

  /** Chunks go into the memory of `vectors` where there is room for them. */
  constructor(vectors: VectorKernels | null = null) {
    this.scratch = new Scratch(vectors);
  }

  /** One array of each length, holding whatever was left in it, for the bytes of one chunk. */
  room(lengths: readonly number[]): readonly Uint8Array[] {
    return this.scratch.vectors?.room(lengths) ?? lengths.map((length, slot) => this.bytes(slot, length));
  }

  private bytes(slot: number, length: number): Uint8Array {
    let buffer = this.buffers[slot];
    if (buffer === undefined || buffer.length < length) {
      buffer = new Uint8Array(length);
      this.buffers[slot] = buffer;
    }
    return buffer.subarray(0, length);
  }
}

/** One worker's share in one pass. */
export class PassWork {
  readonly pass: number;
  private readonly items: readonly PassItem[];
  private readonly control: Int32Array;
  private readonly plan: PassPlan;
  private readonly files = new OpenFiles();
  private readonly factors = new FactorRoom();
  private current: { readonly item: number; readonly reduce: ChunkReducer } | null = null;

  constructor(message: PassMessage) {
    this.pass = message.pass;
    this.items = message.items;
    this.control = new Int32Array(message.control);
    this.plan = planPass(message.items);
  }

  /** Works off the next portion; `null` where none is left or nobody waits for the pass any more. */
  nextPortion(buffers: WorkerBuffers): Part[] | Problem | null {
    if (this.isStopped()) return null;
    const portion = this.plan.portion(Atomics.add(this.control, NEXT_PORTION, 1));
    if (portion === null) return null;
    const parts: Part[] = [];
    for (const chunk of portion) {
      const outcome = this.reduceUnlessStopped(chunk, buffers);
      if (outcome === null) return null;
      if ('code' in outcome) return outcome;
      parts.push({ item: chunk.item, chunk: chunk.number, bytes: chunk.bytes, outcome });
    }
    return parts;
  }

  /** Lets go of the files. */
  close(): void {
    this.files.close();
  }

  private isStopped(): boolean {
    return Atomics.load(this.control, STOPPED) !== 0;
  }

  /** `null` where the pass ended while one of its matrices was worked on. */
  private reduceUnlessStopped(chunk: Chunk, buffers: WorkerBuffers): PassOutcome | Problem | null {
    try {
      return this.reduceChunk(chunk, buffers);
    } catch (error) {
      if (error instanceof Stopped) return null;
      throw error;
    }
  }

  private reduceChunk(chunk: Chunk, buffers: WorkerBuffers): PassOutcome | Problem {
    const item = this.items[chunk.item] as PassItem;
    if (item.kind === 'matrix') {
      const stop = () => {
        if (this.isStopped()) throw new Stopped();
      };
      return reduceMatrix(item, this.files, stop, this.factors);
    }
    const spans = spansOf(item).map((span) => ({ span, range: byteRange(span, chunk.start, chunk.end) }));
    const bytes = buffers.room(spans.map(({ range }) => range.length));
    for (const [slot, { span, range }] of spans.entries()) {
      const problem = this.files.read(span, range.offset, bytes[slot] as Uint8Array);
      if (problem !== null) return problem;
    }
    if (this.current?.item !== chunk.item) {
      this.current = { item: chunk.item, reduce: prepare(item, buffers.scratch) };
    }
    return this.current.reduce({ start: chunk.start, end: chunk.end, bytes });
  }
}
