import type { LensResult } from '../protocol/artifact';

/** Between the end of one and the start of the next: what is on screen can be read, and drawn. */
const INTERVAL_MS = 700;
/** Making and sending them may take one part in so many of the time. */
const SHARE = 20;

/** Lets a result that is not whole through now and then: the more each costs, the fewer. */
export function limitPartial(
  send: (result: LensResult) => void,
  now: () => number = Date.now,
): (make: () => LensResult) => void {
  let next = now() + INTERVAL_MS;
  return (make) => {
    const start = now();
    if (start < next) return;
    send(make());
    const end = now();
    next = end + Math.max(INTERVAL_MS, SHARE * (end - start));
  };
}
