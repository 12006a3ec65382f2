/**
 * Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each counting one
 * (Damerau 1964, Levenshtein 1966). Answers `limit + 1` for all that is farther
 * than `limit`, as soon as that is certain.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, (beforeLast[column - 2] as number) + 1);
      current.push(best);
    }
    if (Math.min(...current) > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return Math.min(last[b.length] as number, limit + 1);
}

/**
 * The candidate that `word` was most likely meant to be, or `null`. Short words may differ by one edit, words of six
 * letters and more by two; one- and two-letter words are never guessed. Ties go to the earlier candidate.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | null {
  const limit = word.length < 3 || word.length > 200 ? 0 : word.length < 6 ? 1 : 2;
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), limit);
    if (distance >= bestDistance || candidate === word) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}
