/** Maps `items` with at most `width` calls of `map` under way at a time; outcomes stand in the order of the items. */
export async function inParallel<T, U>(
  items: readonly T[],
  width: number,
  map: (item: T) => Promise<U>,
): Promise<U[]> {
  const outcomes = new Array<U>(items.length);
  let next = 0;
  async function work(): Promise<void> {
    while (next < items.length) {
      const index = next++;
      outcomes[index] = await map(items[index] as T);
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return outcomes;
}
