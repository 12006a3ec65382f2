import fs from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';
import type { DtypeName } from '../dtype';

/** The element types that there are vector kernels for. */
export type VectorDtype = 'BF16' | 'F16' | 'F32' | 'F8_E4M3' | 'F8_E5M2';

/** Takes elements `first … count − 1`, as far as they can be taken; returns the first that was not. */
type PairFunction = (first: number, count: number) => number;
type GroupFunction = (tasks: number, first: number, count: number) => number;
type MomentsFunction = (place: number, first: number, count: number) => number;

/** What `assembly/kernels.ts` exports. */
type Exports = { readonly memory: WebAssembly.Memory } & Readonly<
  Record<`pair${VectorDtype}`, PairFunction> &
    Record<`group${VectorDtype}`, GroupFunction> &
    Record<`moments${VectorDtype}`, MomentsFunction>
>;

// As in assembly/memory.ts.
const SPANS = 1024;
const BASE_SQUARES = 2048;
const TASKS = 4096;
const TASK_BYTES = 80;
const MOMENTS = 28672;
const GRAM = 32768;
/** Most tasks of a group that {@link VectorKernels} takes. */
export const MOST_TASKS = 64;
/** Everything from here on is for the bytes of spans. */
const BYTES = 393216;

/** Sums of one task as the kernels leave them; a task's `skipped` is none of theirs. */
export interface VectorTaskSums {
  readonly taskSquares: number;
  readonly dot: number;
  readonly deltaSquares: number;
  readonly deltaAbsMax: number;
  readonly identical: number;
  readonly signFlips: number;
}

/** Moments of a run of finite elements. */
export interface VectorMoments {
  readonly finite: number;
  readonly mean: number;
  readonly m2: number;
  readonly min: number;
  readonly max: number;
  readonly l1: number;
  readonly squares: number;
  readonly zeros: number;
}

/**
 * The loops over BF16, F16, F8 and F32 elements in vector instructions (WebAssembly SIMD), with a memory of their own that
 * files are read into. Moments are summed in float64 from the exact values; pairs and groups in float32 over runs of at
 * most 16 products and then in float64, off by less than 10^−6 of the sum of magnitudes and in practice by 10^−8, or in
 * float64 throughout where float32 would not do (assembly/short-runs.ts). The largest |τ| is rounded to float32. They
 * know finite elements only, and whole eights: where they stop, somebody else takes over for a block.
 *
 * One set of sums at a time: {@link startGroup} or {@link startMoments} begins it, the `add…` methods fill it.
 */
export class VectorKernels {
  private readonly bytes: Uint8Array;
  private readonly doubles: Float64Array;
  private readonly addresses: Uint32Array;

  private constructor(private readonly exports: Exports) {
    const { buffer } = exports.memory;
    this.bytes = new Uint8Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.addresses = new Uint32Array(buffer);
  }

  /**
   * Loads the best of the kernels compiled into a folder: those with fused multiply-add where Node.js knows it (from
   * version 21 on, and before behind a switch that only admits these instructions), else those without.
   */
  static loadBest(folder: string): VectorKernels | null {
    const fused = path.join(folder, 'tensor-kernels-fused.wasm');
    const known = VectorKernels.load(fused);
    if (known !== null) return known;
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
    return VectorKernels.load(fused) ?? VectorKernels.load(path.join(folder, 'tensor-kernels.wasm'));
  }

  /** Loads compiled kernels; `null` where the file is missing or its instructions are not known. */
  static load(file: string): VectorKernels | null {
    try {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)));
      return new VectorKernels(instance.exports as unknown as Exports);
    } catch {
      return null;
    }
  }

  /** Room for spans of these lengths, in bytes, in the kernels' own memory; `null` where there is not enough. */
  room(lengths: readonly number[]): Uint8Array[] | null {
    let next = BYTES;
    const places = lengths.map((length) => {
      const place = next;
      next = Math.ceil((place + length) / ALIGNMENT) * ALIGNMENT + BETWEEN_SPANS;
      return place;
    });
    if (next > this.bytes.length) return null;
    return places.map((place, s) => this.bytes.subarray(place, place + (lengths[s] ?? 0)));
  }

  /** Whether all of these bytes are where {@link room} puts them. */
  holds(spans: readonly Uint8Array[]): boolean {
    return spans.every((span) => span.buffer === this.bytes.buffer && span.byteOffset % ALIGNMENT === 0);
  }

  /** Sets all sums to nothing for a base and its tasks, whose bytes {@link holds}. */
  startGroup(spans: readonly Uint8Array[]): void {
    spans.forEach((span, s) => (this.addresses[SPANS / 4 + s] = span.byteOffset));
    this.doubles.fill(0, BASE_SQUARES / 8, BASE_SQUARES / 8 + 2);
    const tasks = spans.length - 1;
    this.doubles.fill(0, TASKS / 8, (TASKS + tasks * TASK_BYTES) / 8);
    const rows = tasks % 2 === 0 ? tasks : tasks + 1;
    if (tasks > 1) this.doubles.fill(0, GRAM / 8, GRAM / 8 + 2 * rows * MOST_TASKS);
  }

  /** Adds elements `first … count − 1` to the sums of a group; returns the first that was not added. */
  addGroup(dtype: VectorDtype, tasks: number, first: number, count: number): number {
    return tasks === 1
      ? this.exports[`pair${dtype}`](first, count)
      : this.exports[`group${dtype}`](tasks, first, count);
  }

  /** Σθ₀² of what was added. */
  baseSquares(dtype: VectorDtype): number {
    return this.lanes(BASE_SQUARES) * scaleOf(dtype) ** 2;
  }

  /** Sums of task number `t` over what was added. */
  taskSums(dtype: VectorDtype, t: number): VectorTaskSums {
    const place = TASKS + t * TASK_BYTES;
    const scale = scaleOf(dtype);
    const largest = Math.max(this.double(place + 48), this.double(place + 56));
    return {
      taskSquares: this.lanes(place) * scale ** 2,
      dot: this.lanes(place + 16) * scale ** 2,
      deltaSquares: this.lanes(place + 32) * scale ** 2,
      // The root of a rounded square is the number itself again.
      deltaAbsMax: Math.sqrt(largest) * scale,
      identical: this.double(place + 64),
      signFlips: this.double(place + 72),
    };
  }

  /** ⟨τᵢ, τⱼ⟩, i < j, over what was added. */
  innerProduct(dtype: VectorDtype, i: number, j: number): number {
    return this.lanes(GRAM + 16 * (i * MOST_TASKS + j)) * scaleOf(dtype) ** 2;
  }

  /** Sets the moments to those of nothing. */
  startMoments(): void {
    this.doubles.set([0, 0, 0, Infinity, -Infinity, 0, 0, 0], MOMENTS / 8);
  }

  /** Adds elements `first … count − 1` of a span that {@link holds} to the moments; returns the first not added. */
  addMoments(dtype: VectorDtype, span: Uint8Array, first: number, count: number): number {
    return this.exports[`moments${dtype}`](span.byteOffset, first, count);
  }

  /** Moments of what was added. */
  moments(dtype: VectorDtype): VectorMoments {
    const scale = scaleOf(dtype);
    const figure = (n: number) => this.double(MOMENTS + 8 * n);
    return {
      finite: figure(0),
      mean: figure(1) * scale,
      m2: figure(2) * scale ** 2,
      min: figure(3) * scale,
      max: figure(4) * scale,
      l1: figure(5) * scale,
      squares: figure(6) * scale ** 2,
      zeros: figure(7),
    };
  }

  private lanes(place: number): number {
    return this.double(place) + this.double(place + 8);
  }

  private double(place: number): number {
    return this.doubles[place / 8] ?? Number.NaN;
  }
}

/** The kernels work on small types scaled by a power of two, which changes no digit (assembly/elements.ts). */
const SCALES: Readonly<Record<VectorDtype, number>> = {
  BF16: 1,
  F16: 2 ** 112,
  F32: 1,
  F8_E4M3: 2 ** 120,
  F8_E5M2: 2 ** 112,
};

function scaleOf(dtype: VectorDtype): number {
  return SCALES[dtype];
}

/** Whether there are vector kernels for a type. */
export function isVectorDtype(dtype: DtypeName): dtype is VectorDtype {
  return Object.hasOwn(SCALES, dtype);
}

const ALIGNMENT = 16;
/** Spans whose distance is a power of two would fight for the same lines of the processor's cache. */
const BETWEEN_SPANS = 192;
