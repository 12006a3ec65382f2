/** Calls `call(key)` once, `delayMs` after the last time the key was mentioned. */
export class Debounce {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly delayMs: number,
    private readonly call: (key: string) => void,
  ) {}

  /** Mentions a key: the call for it is due `delayMs` from now. */
  mention(key: string): void {
    this.forget(key);
    const timer = setTimeout(() => {
      this.timers.delete(key);
      this.call(key);
    }, this.delayMs);
    this.timers.set(key, timer);
  }

  /** Takes back a call that is due. */
  forget(key: string): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
  }
}
