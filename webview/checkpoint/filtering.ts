import { makeNameFilter } from './name-filter';

// Names between two looks at the clock, and the time after which the page gets to draw.
const CHUNK = 256;
const SLICE_MS = 30;
const PATIENCE_MS = 4000;

export interface FilterRun {
  /** Called once with the names that pass, in the order given. */
  readonly done: (indices: number[]) => void;
  /** Called instead where the filter cannot be used. */
  readonly refused: (message: string) => void;
}

/**
 * Filters names by slices, so that typing stays fluid; starting again stops the run before. A pattern that is merely slow is given up
 * after a few seconds.
 */
export function createFiltering(
  names: readonly string[],
): (text: string, isPattern: boolean, run: FilterRun) => void {
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  let generation = 0;
  return (text, isPattern, run) => {
    generation += 1;
    const mine = generation;
    const filter = makeNameFilter(text, isPattern && text !== '', longest);
    if (!filter.ok) return run.refused(filter.message);
    const found: number[] = [];
    const started = performance.now();
    let next = 0;
    const slice = () => {
      if (mine !== generation) return;
      const begun = performance.now();
      while (next < names.length && performance.now() - begun < SLICE_MS) {
        const end = Math.min(names.length, next + CHUNK);
        for (; next < end; next++) if (filter.matches(names[next] ?? '')) found.push(next);
      }
      if (next >= names.length) return run.done(found);
      if (performance.now() - started > PATIENCE_MS)
        return run.refused('This pattern takes too long; make it simpler.');
      setTimeout(slice, 0);
      return;
    };
    return slice();
  };
}
