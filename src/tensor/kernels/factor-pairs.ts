import { arrowPrototype, prototypeCosine, prototypeOfGrams, type ArrowPrototype } from '../arrow-prototype';
import { forFactorPairs, hasFiniteFactors, innerOf } from '../factor-products';
import type { FactorPairs, MatrixSource } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { LowRankDelta } from '../pass';
import type { Dense } from '../linear/dense';
import type { Stop } from '../linear/stop';
import { DenseKernels, partOf, type Block } from '../wasm/dense-kernels';
import { columnsOfSingles, isZero, rowsOfSingles, turnedSingles } from '../wasm/singles';
import {
  factoredTask,
  rankOf,
  stackFactors,
  type FactoredTask,
  type StackedFactors,
} from './stacked-factors';
import { FactorRoom } from './stored-factors';

/** Below so many entries of the stacked factors everything is done in float64. */
const SMALL = 2 ** 13;
/** Rows of A whose products with as many are formed at a time, and of a strip beside the diagonal. */
const RUN = 512;
const STRIP = 128;
/** Squares of norms that are well within float32. */
const TAME = { least: 1e-25, most: 1e25 } as const;
/** ‖A‖²‖B‖² over r‖BA‖² above which columns of B·A cancel so much that products in float32 leave too few digits. */
const CANCELLING = 4;

/**
 * Inner products of the factored terms of a source, ⟨ΔWᵢ, ΔWⱼ⟩ = sᵢsⱼ Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ), and cosines of their Arrow
 * prototypes. Products are summed in float32 by blocks, and over blocks in float64: cosines are good to 1e-6 (4e-7 was the most seen). What is small,
 * beyond float32, not finite or cancels is done in float64. Every byte is read once. Throws as reading does.
 */
export function factorPairs(
  source: MatrixSource,
  left: number | null,
  files: OpenFiles,
  stop: Stop,
): FactorPairs {
  const tasks = source.terms.map(factoredTask);
  const total = tasks.reduce((sum, task) => sum + rankOf(task), 0);
  const isAsked = (i: number, j: number) => left === null || (i < left && j >= left);
  const rough =
    total * Math.max(source.rows, source.columns) < SMALL
      ? null
      : DenseKernels.use((kernels) => {
          const stacked = stackFactors(kernels, tasks, source.rows, source.columns, files);
          return new RoughPairs(kernels, stacked, isAsked, stop).all();
        });
  return rough ?? exactPairs(source, tasks, isAsked, files);
}

function emptyPairs(n: number): FactorPairs & { notFinite: number[] } {
  return {
    inner: new Float64Array(n * n),
    prototypes: new Float64Array(n * n).fill(NaN),
    shares: new Float64Array(n).fill(NaN),
    notFinite: [],
  };
}

function exactPairs(
  source: MatrixSource,
  tasks: readonly FactoredTask[],
  isAsked: (i: number, j: number) => boolean,
  files: OpenFiles,
): FactorPairs {
  const n = tasks.length;
  const pairs = emptyPairs(n);
  const deltas = new FactorRoom().load(source, files).terms.map((term): LowRankDelta | null => {
    const task = factoredTask(term);
    return task.kind === 'lowRank' && hasFiniteFactors(task.delta) ? task.delta : null;
  });
  deltas.forEach((delta, at) => {
    if (delta === null) pairs.notFinite.push(at);
  });
  const prototypes = deltas.map((delta) => delta && arrowPrototype(delta));
  prototypes.forEach((prototype, at) => {
    if (prototype) pairs.shares[at] = prototype.share;
  });
  for (const i of pairs.notFinite) for (let j = i; j < n; j++) pairs.inner[i * n + j] = NaN;
  forFactorPairs(deltas, (i, j, products) => {
    const [x, y, v, w] = [deltas[i], deltas[j], prototypes[i], prototypes[j]];
    if (!x || !y || !isAsked(i, j)) return;
    pairs.inner[i * n + j] = innerOf(x, y, products);
    if (v && w) pairs.prototypes[i * n + j] = prototypeCosine(v, w, products.a);
  });
  return pairs;
}

/** Deltas whose factors lie next to each other. */
interface Run {
  readonly first: number;
  readonly end: number;
  /** Rows of the stacked A. */
  readonly start: number;
  readonly rows: number;
}

/** All pairs from products of runs of stacked factors, a rectangle of pairs at a time. */
class RoughPairs {
  private readonly pairs: FactorPairs;
  private readonly prototypes: (ArrowPrototype | null)[];
  private readonly productsOfA: Block;
  private readonly productsOfB: Block;
  private readonly memory: Float64Array;

  constructor(
    private readonly kernels: DenseKernels,
    private readonly stacked: StackedFactors,
    private readonly isAsked: (i: number, j: number) => boolean,
    private readonly stop: Stop,
  ) {
    const n = stacked.ranks.length;
    this.pairs = emptyPairs(n);
    this.prototypes = Array.from({ length: n }, () => null);
    const side = Math.max(...this.runs(0, n, RUN).map(({ rows }) => rows));
    this.productsOfA = kernels.block(side, side);
    this.productsOfB = kernels.block(side, side);
    this.memory = kernels.doubles();
  }

  /** `null` where products in float32 are not good enough. From the last on, so that prototypes are there for all pairs. */
  all(): FactorPairs | null {
    const runs = this.runs(0, this.stacked.ranks.length, RUN);
    for (let p = runs.length - 1; p >= 0; p--) {
      const run = runs[p] as Run;
      for (const strip of this.runs(run.first, run.end, STRIP).reverse()) {
        const end = this.isAsked(strip.first, run.end - 1) ? run.end : strip.end;
        const right = this.run(strip.first, end);
        this.multiply(strip, right);
        for (let i = strip.first; i < strip.end; i++) if (!this.addOwn(i, strip)) return null;
        this.addPairs(strip, right);
      }
      for (const other of runs.slice(p + 1)) {
        if (!this.isAsked(run.first, other.end - 1)) continue;
        this.multiply(run, other);
        this.addPairs(run, other);
      }
    }
    return this.pairs;
  }

  private run(first: number, end: number): Run {
    const { starts, ranks } = this.stacked;
    const start = starts[first] as number;
    return { first, end, start, rows: (starts[end - 1] as number) + (ranks[end - 1] as number) - start };
  }

  /** Deltas `first … end − 1` in runs of no more than `most` rows, or of one delta. */
  private runs(first: number, end: number, most: number): Run[] {
    const runs: Run[] = [];
    for (let from = first; from < end;) {
      let to = from + 1;
      while (to < end && this.run(from, to + 1).rows <= most) to++;
      runs.push(this.run(from, to));
      from = to;
    }
    return runs;
  }

  private multiply(left: Run, right: Run): void {
    const { kernels, stacked } = this;
    const a = partOf(this.productsOfA, 0, 0, left.rows, right.rows);
    const b = partOf(this.productsOfB, 0, 0, left.rows, right.rows);
    kernels.clear(a);
    kernels.clear(b);
    const rowsOfA = ({ start, rows }: Run) => rowsOfSingles(stacked.a, start, rows);
    const columnsOfB = ({ start, rows }: Run) => columnsOfSingles(stacked.b, start, rows);
    kernels.addSinglesProduct(rowsOfA(left), turnedSingles(rowsOfA(right)), a);
    kernels.addSinglesProduct(turnedSingles(columnsOfB(left)), columnsOfB(right), b);
    this.stop();
  }

  /** What a delta is by itself; `false` where products in float32 are not good enough for it. */
  private addOwn(i: number, strip: Run): boolean {
    const a = this.gramOf(this.productsOfA, i, strip);
    const b = this.gramOf(this.productsOfB, i, strip);
    const [ofA, ofB] = [traceOf(a), traceOf(b)];
    const own = this.run(i, i + 1);
    const { stacked, kernels } = this;
    if (!isTame(ofA) && !isZero(kernels, rowsOfSingles(stacked.a, own.start, own.rows))) return false;
    if (!isTame(ofB) && !isZero(kernels, columnsOfSingles(stacked.b, own.start, own.rows))) return false;
    const whole = a.values.reduce((sum, value, at) => sum + value * (b.values[at] as number), 0);
    if (whole * CANCELLING * a.rows < ofA * ofB) return false;
    const prototype = prototypeOfGrams(b, a);
    this.prototypes[i] = prototype;
    if (prototype) this.pairs.shares[i] = prototype.share;
    return true;
  }

  private gramOf(products: Block, i: number, strip: Run): Dense {
    const n = this.stacked.ranks[i] as number;
    const from = (this.stacked.starts[i] as number) - strip.start;
    const values = new Float64Array(n * n);
    for (let k = 0; k < n; k++) {
      const start = products.place / 8 + (from + k) * products.row + from;
      values.set(this.memory.subarray(start, start + n), k * n);
    }
    return { rows: n, columns: n, values };
  }

  private addPairs(left: Run, right: Run): void {
    const { stacked, pairs, prototypes } = this;
    const n = stacked.ranks.length;
    for (let i = left.first; i < left.end; i++) {
      for (let j = Math.max(i, right.first); j < right.end; j++) {
        if (!this.isAsked(i, j)) continue;
        const offset =
          ((stacked.starts[i] as number) - left.start) * this.productsOfA.row +
          ((stacked.starts[j] as number) - right.start);
        const scale = (stacked.scales[i] as number) * (stacked.scales[j] as number);
        pairs.inner[i * n + j] = scale * this.innerAt(offset, i, j);
        const [v, w] = [prototypes[i], prototypes[j]];
        if (v && w) pairs.prototypes[i * n + j] = this.cosineAt(offset, v.y, w.y);
      }
    }
  }

  /** Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ), the products beginning so many entries after those of their blocks. */
  private innerAt(offset: number, i: number, j: number): number {
    const { memory, productsOfA, productsOfB } = this;
    const [rows, columns] = [this.stacked.ranks[i] as number, this.stacked.ranks[j] as number];
    let sum = 0;
    for (let k = 0; k < rows; k++) {
      const at = offset + k * productsOfA.row;
      const [a, b] = [productsOfA.place / 8 + at, productsOfB.place / 8 + at];
      for (let l = 0; l < columns; l++) sum += (memory[a + l] as number) * (memory[b + l] as number);
    }
    return sum;
  }

  /** |vᵀA₁A₂ᵀw|. Its sign is arbitrary, as that of a singular vector. */
  private cosineAt(offset: number, v: Float64Array, w: Float64Array): number {
    const { memory, productsOfA } = this;
    let sum = 0;
    for (let k = 0; k < v.length; k++) {
      const a = productsOfA.place / 8 + offset + k * productsOfA.row;
      let along = 0;
      for (let l = 0; l < w.length; l++) along += (memory[a + l] as number) * (w[l] as number);
      sum += (v[k] as number) * along;
    }
    return Math.min(1, Math.abs(sum));
  }
}

function traceOf({ rows, values }: Dense): number {
  let sum = 0;
  for (let k = 0; k < rows; k++) sum += values[k * (rows + 1)] as number;
  return sum;
}

/** Whether a sum of squares is well within float32, so that nothing that matters was lost. */
function isTame(squares: number): boolean {
  return squares > TAME.least && squares < TAME.most;
}
