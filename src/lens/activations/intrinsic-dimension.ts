import type { Dense } from '../../tensor/linear/dense';

/** The largest ratios are noise of sparse places: a tenth is left out, as the authors do. */
const KEPT = 0.9;
const LEAST = 5;

/**
 * Intrinsic dimension from the two nearest neighbours of every sample (TwoNN; Facco, d'Errico, Rodriguez, Laio 2017): the
 * slope through the origin of −ln(1 − F(μ)) over ln μ, where μ = r₂/r₁ and F(μ₍ᵢ₎) = i/N, without the tenth of the largest μ.
 * Samples that are there twice count once. `null` below five of them.
 */
export function twoNearestDimension(features: Dense): number | null {
  const ratios: number[] = [];
  for (const [nearest, second] of neighbourSquares(distinctRows(features))) {
    if (nearest > 0 && Number.isFinite(second)) ratios.push(Math.log(second / nearest) / 2);
  }
  const n = ratios.length;
  if (n < LEAST) return null;
  ratios.sort((x, y) => x - y);
  let [xy, xx] = [0, 0];
  for (let i = 0; i < Math.floor(KEPT * n); i++) {
    const x = ratios[i] ?? 0;
    xy += x * -Math.log(1 - (i + 1) / n);
    xx += x * x;
  }
  return xx > 0 ? xy / xx : null;
}

function distinctRows({ rows, columns, values }: Dense): Float64Array[] {
  const found = new Map<string, Float64Array>();
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    found.set(own.join(), own);
  }
  return [...found.values()];
}

/** Squared distances to the nearest and to the second nearest of the others. */
function neighbourSquares(rows: readonly Float64Array[]): (readonly [number, number])[] {
  return rows.map((x, i) => {
    let [nearest, second] = [Infinity, Infinity];
    rows.forEach((y, j) => {
      if (i === j) return;
      let distance = 0;
      for (let k = 0; k < x.length; k++) distance += ((x[k] ?? 0) - (y[k] ?? 0)) ** 2;
      if (distance < nearest) [nearest, second] = [distance, nearest];
      else if (distance < second) second = distance;
    });
    return [nearest, second];
  });
}
