import { cosine } from './profile-sums';

/**
 * Inner products of every two tasks over some tensors. A pair counts only the tensors that both tasks have: a tensor
 * that a fine-tune lacks is undefined there, not unchanged.
 */
export class PairSums {
  private readonly dots: Float64Array;
  /** `squares[i · n + j]`: ‖τᵢ‖² over the tensors that i shares with j. */
  private readonly squares: Float64Array;
  private readonly shared: Uint32Array;

  /** `n` is the number of tasks. */
  constructor(readonly n: number) {
    this.dots = new Float64Array(n * n);
    this.squares = new Float64Array(n * n);
    this.shared = new Uint32Array(n * n);
  }

  /** Adds one tensor: its Gram matrix ⟨τᵢ, τⱼ⟩ (n × n, row-major; 0 for an unchanged one), and which tasks have it. */
  add(gram: Float64Array, has: readonly boolean[]): void {
    const { n } = this;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (!has[i] || !has[j]) continue;
        const at = i * n + j;
        this.dots[at] = (this.dots[at] as number) + (gram[at] as number);
        this.squares[at] = (this.squares[at] as number) + (gram[i * n + i] as number);
        this.shared[at] = (this.shared[at] as number) + 1;
      }
    }
  }

  /** ⟨τᵢ, τⱼ⟩; `null` where no tensor is in both. */
  dot(i: number, j: number): number | null {
    const at = i * this.n + j;
    return this.shared[at] === 0 ? null : (this.dots[at] as number);
  }

  /** cos(τᵢ, τⱼ); `null` where either is 0 or no tensor is in both. Exactly 1 for a task with itself. */
  cosine(i: number, j: number): number | null {
    const at = i * this.n + j;
    const own = this.squares[at] as number;
    if (i === j) return own > 0 ? 1 : null;
    return cosine(this.dots[at] as number, own, this.squares[j * this.n + i] as number);
  }
}
