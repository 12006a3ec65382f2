/**
 * Called between the stages of a long computation, every 200 ms or so. Throws {@link Stopped} where nobody wants the
 * result any more.
 */
export type Stop = () => void;

/** Thrown through a computation that is not wanted any more; whoever gave the {@link Stop} catches it. */
export class Stopped extends Error {
  constructor() {
    super('nobody waits for this any more');
  }
}

/** Goes on to the end. */
export const NEVER: Stop = () => undefined;
