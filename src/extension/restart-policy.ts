const MOST = 4;
const WITHIN_MS = 3 * 60 * 1000;

/**
 * Decides whether a server that has just ended is started again: not when that would be the fifth time within three
 * minutes, since it would then only end again. The answer is given for a time in milliseconds.
 */
export function restartPolicy(): (now: number) => boolean {
  let ends: number[] = [];
  return (now) => {
    ends = [...ends.filter((end) => now - end <= WITHIN_MS), now];
    return ends.length <= MOST;
  };
}
