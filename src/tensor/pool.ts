import os from 'node:os';
import { Worker } from 'node:worker_threads';
import { cancelled, failure, success, type Problem } from '../protocol/result';
import { checkItem } from './check-items';
import type { PassRunner } from './pass';
import type { WorkerMessage } from './pass-messages';
import { RunningPass } from './running-pass';

export interface PoolOptions {
  /** Absolute path of the built worker, `dist/tensor-worker.js`. */
  readonly workerFile: string;
  /** Threads at most; as many as the machine runs at once where not given. */
  readonly workers?: number;
}

/**
 * A runner over worker threads. They start when first needed, do not keep the process alive while idle, and end with
 * `close` (what still runs is cancelled then). Every pass runs on all of them, and a worker gives each pass one portion
 * in turn, so a small pass is done within a few portions' time beside the largest. A thread that dies fails the passes
 * it had (`worker-crashed`) and is replaced for the next ones. The last `onBytes` call of a pass that succeeds has
 * `done` equal to `total`.
 */
export function createPassRunner(options: PoolOptions): PassRunner & { close(): Promise<void> } {
  const pool = new Pool(options.workerFile, Math.max(1, options.workers ?? os.availableParallelism()));
  return {
    run: async (items, { signal, onBytes }) => {
      if (signal.aborted || pool.closed) return cancelled();
      const problem = firstProblem(items);
      if (problem !== null) return failure(problem);
      if (items.length === 0) return success([]);
      const pass = new RunningPass(pool.nextPass(), items, onBytes);
      const cancel = () => pass.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      pool.start(pass);
      try {
        return await pass.result;
      } finally {
        signal.removeEventListener('abort', cancel);
        pool.end(pass);
      }
    },
    close: () => pool.close(),
  };
}

function firstProblem(items: Parameters<PassRunner['run']>[0]): Problem | null {
  for (const item of items) {
    const problem = checkItem(item);
    if (problem !== null) return problem;
  }
  return null;
}

/** The threads, and who works on what. */
class Pool {
  closed = false;
  /** The passes that each thread was given and that have not ended. */
  private readonly threads = new Map<Worker, Set<RunningPass>>();
  private readonly passes = new Map<number, RunningPass>();
  private passCount = 0;

  constructor(
    private readonly workerFile: string,
    private readonly size: number,
  ) {}

  nextPass(): number {
    return this.passCount++;
  }

  start(pass: RunningPass): void {
    this.passes.set(pass.message.pass, pass);
    const wanted = Math.min(this.size, pass.portions);
    for (const [thread, given] of this.leastBusy(wanted)) {
      given.add(pass);
      // A thread with work keeps the process alive; one without does not.
      thread.ref();
      thread.postMessage(pass.message);
    }
  }

  end(pass: RunningPass): void {
    this.passes.delete(pass.message.pass);
    for (const [thread, given] of this.threads) {
      if (given.delete(pass) && given.size === 0) thread.unref();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const pass of this.passes.values()) pass.cancel();
    const threads = [...this.threads.keys()];
    this.threads.clear();
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  /** As many threads as wanted, those with the fewest passes first; starts the missing ones. */
  private leastBusy(wanted: number): [Worker, Set<RunningPass>][] {
    const idle = [...this.threads.values()].filter((given) => given.size === 0).length;
    const missing = Math.min(this.size - this.threads.size, wanted - idle);
    for (let i = 0; i < missing; i++) this.startThread();
    return [...this.threads].sort(([, x], [, y]) => x.size - y.size).slice(0, wanted);
  }

  private startThread(): void {
    const thread = new Worker(this.workerFile);
    this.threads.set(thread, new Set());
    thread.unref();
    thread.on('message', (message: WorkerMessage) => this.hear(message));
    thread.on('error', (error) => this.lose(thread, error instanceof Error ? error.message : String(error)));
    thread.on('exit', (code) => this.lose(thread, `it ended with code ${code}`));
  }

  private hear(message: WorkerMessage): void {
    const pass = this.passes.get(message.pass);
    if (message.kind === 'parts') pass?.accept(message.parts);
    else pass?.fail(message.problem);
  }

  private lose(thread: Worker, reason: string): void {
    const given = this.threads.get(thread);
    this.threads.delete(thread);
    for (const pass of given ?? []) {
      pass.fail({
        code: 'worker-crashed',
        message: `A worker thread stopped while reading tensors: ${reason}.`,
        action: 'Run it again. If it stops again, run "Deltalens: Show Log" and report what it says.',
      });
    }
  }
}
