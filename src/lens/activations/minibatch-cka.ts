import { rowsOf, type Dense } from '../../tensor/linear/dense';
import { centred, unbiasedHsic, type CentredFeatures } from './linear-cka';

/** Samples below which a minibatch has no unbiased HSIC. */
export const LEAST_BATCH = 4;

/**
 * Minibatch CKA between the layers of one or two models (Nguyen, Raghu, Kornblith 2021, eq. 3): unbiased HSIC of every minibatch,
 * added up before the division, `Σ HSIC₁(Xᵢ, Yᵢ) / √(Σ HSIC₁(Xᵢ, Xᵢ) · Σ HSIC₁(Yᵢ, Yᵢ))`. Only sums are kept.
 */
export class MinibatchCka {
  private readonly sums = new Map<string, Float64Array>();
  private readonly own: Float64Array[] = [];
  private counted = 0;

  /** `batch`: rows of a minibatch, at least {@link LEAST_BATCH}. */
  constructor(private readonly batch: number) {}

  /** Minibatches added so far. */
  get batches(): number {
    return this.counted;
  }

  /**
   * Adds the layers of each model over the same rows. Whole minibatches count; rows at the end that make no whole one are left
   * out, as HSICs over other numbers of samples would have to be weighed.
   */
  add(models: readonly (readonly Dense[])[]): void {
    const rows = models[0]?.[0]?.rows ?? 0;
    for (let first = 0; first + this.batch <= rows; first += this.batch) {
      const parts = models.map((layers) =>
        layers.map((layer) => centred(rowsOf(layer, first, first + this.batch), layers.length)),
      );
      this.addBatch(parts);
      this.counted++;
    }
  }

  private addBatch(parts: readonly (readonly CentredFeatures[])[]): void {
    for (const [m, layers] of parts.entries()) {
      const own = (this.own[m] ??= new Float64Array(layers.length));
      layers.forEach((layer, i) => (own[i] = (own[i] ?? 0) + hsic(layer, layer)));
      for (const [n, others] of parts.entries()) {
        if (n < m) continue;
        const key = `${String(m)} ${String(n)}`;
        const sums = this.sums.get(key) ?? new Float64Array(layers.length * others.length);
        this.sums.set(key, sums);
        layers.forEach((x, i) => {
          others.forEach((y, j) => {
            const at = i * others.length + j;
            // Alike in both orders.
            if (m === n && j < i) sums[at] = sums[j * others.length + i] ?? 0;
            else sums[at] = (sums[at] ?? 0) + hsic(x, y);
          });
        });
      }
    }
  }

  /** CKA of layer `i` of model `m` with layer `j` of model `n ≥ m`; `null` where one is the same for every sample. */
  value([m, i]: readonly [number, number], [n, j]: readonly [number, number]): number | null {
    const others = this.own[n] ?? new Float64Array();
    const both = this.sums.get(`${String(m)} ${String(n)}`)?.[i * others.length + j] ?? 0;
    const [x, y] = [this.own[m]?.[i] ?? 0, others[j] ?? 0];
    return x > 0 && y > 0 ? both / Math.sqrt(x * y) : null;
  }
}

/** HSIC₁ but for the factor 1/(n(n − 3)); 0 where features are constant but for rounding. */
function hsic(x: CentredFeatures, y: CentredFeatures): number {
  return x.varies && y.varies ? unbiasedHsic(x, y) : 0;
}
