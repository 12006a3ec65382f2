/** The least and greatest of the defined values; `null` where there are none. */
export function extent(values: Iterable<number | null>): readonly [number, number] | null {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : null;
}

/** From 0 to the greatest of the defined values, for figures that are never negative; 0 to 1 where all are 0. */
export function fromZero(values: Iterable<number | null>): readonly [number, number] | null {
  const range = extent(values);
  return range && [0, range[1] > 0 ? range[1] : 1];
}

/** From the least of the defined values to 1, for cosines that are nearly 1; 0 to 1 where all are 1. */
export function upToOne(values: Iterable<number | null>): readonly [number, number] | null {
  const range = extent(values);
  return range && [range[0] < 1 ? range[0] : 0, 1];
}
