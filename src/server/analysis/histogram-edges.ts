/**
 * Edges of `bins` bins of equal width from `minimum` to `maximum`, ends exact; as numpy does it, a range of one point
 * becomes one of width 1 around it. Length bins + 1, never decreasing, finite for every pair of finite ends.
 */
export function histogramEdges(minimum: number, maximum: number, bins: number): Float64Array {
  const isPoint = minimum === maximum;
  const low = isPoint ? minimum - 0.5 : minimum;
  const high = isPoint ? maximum + 0.5 : maximum;
  const edges = new Float64Array(bins + 1);
  let previous = low;
  for (let index = 1; index < bins; index++) {
    // A weighted mean of both ends: their difference alone could overflow. Rounding must not turn the order round.
    const edge = low * (1 - index / bins) + high * (index / bins);
    previous = Math.min(Math.max(edge, previous), high);
    edges[index] = previous;
  }
  edges[0] = low;
  edges[bins] = high;
  return edges;
}
