interface Task {
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly controller: AbortController;
}

/**
 * Runs at most `width` tasks at a time, first come, first served. A task is known by a key: adding another one under
 * the same key takes the place of the one that waits, or cancels the one that runs.
 */
export class TaskQueue {
  private readonly waiting = new Map<string, Task>();
  private readonly running = new Map<string, Task>();

  constructor(private readonly width: number) {}

  /** Adds a task; it must not reject, and should end soon once its signal is aborted. */
  add(key: string, run: (signal: AbortSignal) => Promise<void>): void {
    this.cancel(key);
    this.waiting.set(key, { run, controller: new AbortController() });
    this.startNext();
  }

  /** Forgets the task under `key` if it waits, cancels it if it runs. */
  cancel(key: string): void {
    this.waiting.delete(key);
    this.running.get(key)?.controller.abort();
  }

  private startNext(): void {
    for (const [key, task] of this.waiting) {
      if (this.running.size >= this.width) return;
      // Not beside its own predecessor: whichever ended last would have the last word.
      if (this.running.has(key)) continue;
      this.waiting.delete(key);
      this.running.set(key, task);
      void task.run(task.controller.signal).finally(() => {
        this.running.delete(key);
        this.startNext();
      });
    }
  }
}
