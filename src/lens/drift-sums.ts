import type { TensorGram } from './task-gram';
import { cosine, finiteOrNull } from './profile-sums';

/**
 * Inner products of the checkpoints of a run over some tensors taken as one vector. Checkpoints stand in the order of
 * the run; checkpoint −1 is the base, τ = 0.
 */
export class DriftSums {
  private readonly gram: Float64Array;
  private readonly theta: Float64Array;
  private baseSquares = 0;
  private known = true;

  /** `order[k]` is the task that stands at place k of the run. */
  constructor(private readonly order: readonly number[]) {
    this.gram = new Float64Array(order.length ** 2);
    this.theta = new Float64Array(order.length);
  }

  /** Adds one tensor that all checkpoints have. */
  add({ gram, baseSquares, taskSquares }: TensorGram): void {
    const n = this.order.length;
    for (const [i, x] of this.order.entries()) {
      for (const [j, y] of this.order.entries()) {
        this.gram[i * n + j] = (this.gram[i * n + j] as number) + (gram[x * n + y] as number);
      }
      // An adapter that does not touch the tensor leaves θ = θ₀ there.
      const squares = taskSquares[x] ?? ((gram[x * n + x] as number) === 0 ? baseSquares : null);
      this.known &&= squares !== null;
      this.theta[i] = (this.theta[i] as number) + (squares ?? 0);
    }
    this.known &&= baseSquares !== null;
    this.baseSquares += baseSquares ?? 0;
  }

  /** ⟨τᵢ, τⱼ⟩ */
  dot(i: number, j: number): number {
    return i < 0 || j < 0 ? 0 : (this.gram[i * this.order.length + j] as number);
  }

  /** ‖τₖ‖ */
  norm(k: number): number | null {
    return finiteOrNull(Math.sqrt(this.dot(k, k)));
  }

  /** ‖τₖ‖ / ‖θ₀‖ */
  relative(k: number): number | null {
    return this.known ? finiteOrNull(Math.sqrt(this.dot(k, k) / this.baseSquares)) : null;
  }

  /** cos(τᵢ, τⱼ) */
  cosine(i: number, j: number): number | null {
    if (i < 0 || j < 0) return null;
    return i === j && this.dot(i, i) > 0 ? 1 : cosine(this.dot(i, j), this.dot(i, i), this.dot(j, j));
  }

  /** ‖θₖ − θₗ‖². What rounding leaves of a difference of two equal vectors counts as 0. */
  distanceSquares(k: number, l: number): number {
    const [own, other] = [this.dot(k, k), this.dot(l, l)];
    const squares = own + other - 2 * this.dot(k, l);
    return squares > ROUNDING * (own + other) ? squares : 0;
  }

  /** ‖θₖ − θₖ₋₁‖ */
  drift(k: number): number | null {
    return finiteOrNull(Math.sqrt(this.distanceSquares(k, k - 1)));
  }

  /** ‖θₖ − θₖ₋₁‖ / ‖θₖ₋₁‖ */
  relativeDrift(k: number): number | null {
    if (!this.known) return null;
    const before = k === 0 ? this.baseSquares : (this.theta[k - 1] as number);
    return finiteOrNull(Math.sqrt(this.distanceSquares(k, k - 1) / before));
  }

  /** cos(θₖ − θₖ₋₁, θₖ₋₁ − θₖ₋₂): below 0 a stage undoes the one before. `null` where either did not move. */
  stageCosine(k: number): number | null {
    if (k < 1) return null;
    const dot = this.dot(k, k - 1) - this.dot(k, k - 2) - this.dot(k - 1, k - 1) + this.dot(k - 1, k - 2);
    return cosine(dot, this.distanceSquares(k, k - 1), this.distanceSquares(k - 1, k - 2));
  }

  /** ‖θₖ − θ_last‖ / ‖τ_last‖: what is still to go. */
  remaining(k: number): number | null {
    const last = this.order.length - 1;
    return finiteOrNull(Math.sqrt(this.distanceSquares(k, last) / this.dot(last, last)));
  }
}

/** Relative to ‖τᵢ‖² + ‖τⱼ‖²: distances below 1e-6 of the norms cannot be told from none. */
const ROUNDING = 1e-12;
