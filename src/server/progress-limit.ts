/** At most ten progress messages a second. */
const INTERVAL_MS = 100;

type Progress = (fraction: number, message: string) => void;

/**
 * Lets progress through at most ten times a second, never going back, and within 0..1. A changed message and the end
 * (fraction 1) always pass.
 */
export function limitProgress(send: Progress, now: () => number = Date.now): Progress {
  let last = -Infinity;
  let highest = 0;
  let shown = '';
  return (fraction, message) => {
    const atLeast = Number.isFinite(fraction) ? Math.min(Math.max(fraction, highest), 1) : highest;
    const time = now();
    const ends = atLeast === 1 && highest < 1;
    highest = atLeast;
    if (time - last < INTERVAL_MS && message === shown && !ends) return;
    last = time;
    shown = message;
    send(atLeast, message);
  };
}
