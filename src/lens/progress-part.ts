import type { LensContext } from './lens';

/** A context whose progress of 0 to 1 is the part `from` to `to` of the whole, for lenses that read in several steps. */
export function partOf(context: LensContext, from: number, to: number): LensContext {
  return {
    ...context,
    progress: (fraction, message) => context.progress(from + (to - from) * fraction, message),
    log: (message) => context.log(message),
  };
}
