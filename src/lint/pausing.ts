/** Long work stops for other work after this many milliseconds. */
const SLICE = 15;

/**
 * For loops over hundreds of thousands of things: a function to call every few hundred of them. It lets other work run
 * when 15 ms have passed since it last did, and answers whether `signal` was aborted.
 */
export function pausing(signal: AbortSignal): () => Promise<boolean> | false {
  let since = performance.now();
  return () => {
    if (performance.now() - since < SLICE) return false;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve(signal.aborted);
      });
    });
  };
}
