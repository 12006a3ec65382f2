/** What is told of one attention matrix (queries × keys), as means over its queries. */
export interface AttentionFigures {
  /** −Σ a ln a over ln of the keys that can be seen: 1 where all get the same. */
  readonly entropy: number;
  /** exp of the entropy: how many keys are looked at. */
  readonly keys: number;
  /** Weight of the first key, queries that see nothing else left out. */
  readonly sink: number;
  /** Weight of the position itself. */
  readonly self: number;
  /** Σ a·|i − j| */
  readonly distance: number;
  /** The least w with Σ_{|i−j| ≤ w} a at least the wanted share. */
  readonly window: number;
}

/** Names of the figures, in the order in which they are shown. */
export const ATTENTION_KEYS = ['entropy', 'keys', 'sink', 'self', 'distance', 'window'] as const;

/**
 * Figures of one attention matrix. Queries whose weights do not sum to 1 (they see nothing, or are padding) are left out;
 * `null` where all are. Query i stands at position i + (keys − queries), as with a cache; `share` is that of the window.
 */
export function attentionFigures(
  weights: Float64Array,
  queries: number,
  keys: number,
  share: number,
): AttentionFigures | null {
  const sums = { entropy: 0, keys: 0, sink: 0, self: 0, distance: 0, window: 0 };
  let [counted, sinks] = [0, 0];
  for (let query = 0; query < queries; query++) {
    const own = weights.subarray(query * keys, (query + 1) * keys);
    const figures = queryFigures(own, query + keys - queries, share);
    if (figures === null) continue;
    counted++;
    const visible = own.reduce((count, weight) => count + Number(weight > VISIBLE), 0);
    sums.entropy += visible > 1 ? figures.entropy / Math.log(visible) : 0;
    sums.keys += Math.exp(figures.entropy);
    sums.self += own[query + keys - queries] ?? 0;
    sums.distance += figures.distance;
    sums.window += figures.window;
    if (visible < 2) continue;
    sinks++;
    sums.sink += own[0] ?? 0;
  }
  if (counted === 0) return null;
  const mean = (sum: number) => sum / counted;
  return {
    entropy: Math.min(1, mean(sums.entropy)),
    keys: mean(sums.keys),
    sink: sinks > 0 ? sums.sink / sinks : 1,
    self: mean(sums.self),
    distance: mean(sums.distance),
    window: mean(sums.window),
  };
}

/** What a mask leaves is smaller: exp(−10⁴) and the like. */
const VISIBLE = 1e-30;

function queryFigures(
  weights: Float64Array,
  position: number,
  share: number,
): { readonly entropy: number; readonly distance: number; readonly window: number } | null {
  let [entropy, distance, sum] = [0, 0, 0];
  weights.forEach((weight, key) => {
    sum += weight;
    if (weight > 0) entropy -= weight * Math.log(weight);
    distance += weight * Math.abs(position - key);
  });
  if (!(Math.abs(sum - 1) < 1e-3)) return null;
  let window = 0;
  let inside = weights[position] ?? 0;
  while (inside < share * sum && window < weights.length) {
    window++;
    inside += (weights[position - window] ?? 0) + (weights[position + window] ?? 0);
  }
  return { entropy, distance, window };
}

/** Mean cosine between rows of two matrices of the same shape; rows of zeros are left out. `null` where all are. */
export function meanRowCosine(x: Float64Array, y: Float64Array, columns: number): number | null {
  let [sum, count] = [0, 0];
  for (let start = 0; start < x.length; start += columns) {
    let [dot, xx, yy] = [0, 0, 0];
    for (let at = start; at < start + columns; at++) {
      const [a, b] = [x[at] ?? 0, y[at] ?? 0];
      dot += a * b;
      xx += a * a;
      yy += b * b;
    }
    if (!(xx > 0) || !(yy > 0)) continue;
    sum += dot / Math.sqrt(xx * yy);
    count++;
  }
  return count === 0 ? null : sum / count;
}
