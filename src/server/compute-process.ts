import { fork, type ChildProcess } from 'node:child_process';
import type { LensResult } from '../protocol/artifact';
import type { RequestName, RequestParams, RequestResult } from '../protocol/requests';
import { cancelled, failure, type Problem, type Result } from '../protocol/result';
import type { ComputeSettings, FromCompute, RequestManner, ToCompute } from './compute-messages';

/** A job that has not ended this long after its cancellation takes the process down with it. */
const STUBBORN_AFTER_MS = 2000;
/** How much of the standard error output is kept to explain a crash, in characters. */
const TAIL = 2000;

interface Job {
  readonly message: Extract<ToCompute, { type: 'request' }>;
  readonly settle: (result: Result<unknown>) => void;
  readonly onProgress: ((fraction: number, message: string) => void) | undefined;
  readonly onPartial: ((result: LensResult) => void) | undefined;
  cancelled: boolean;
}

export interface RequestOptions extends RequestManner {
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, message: string) => void;
  /** Called with what a lens has so far. */
  readonly onPartial?: (result: LensResult) => void;
}

/**
 * The server's side of the compute process: starts it when the first request comes or it is woken, starts it again after a crash, and
 * takes it along when the server ends. Jobs that ran in a crash are answered with the problem `compute-stopped`.
 */
export class ComputeProcess {
  private child: ChildProcess | undefined;
  private readonly jobs = new Map<number, Job>();
  private lastId = 0;
  private closed = false;
  private settings: ComputeSettings | undefined;

  /** `file` is the bundle to fork, `words` its command line; `log` gets one line at a time. */
  constructor(
    private readonly file: string,
    private readonly log: (message: string) => void,
    private readonly words: readonly string[] = [],
  ) {}

  /** Asks the compute process. Never rejects. A cancelled request is answered at once, whatever the process does. */
  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    { signal, onProgress, onPartial, ...own }: RequestOptions = {},
  ): Promise<RequestResult<N>> {
    if (signal?.aborted) return Promise.resolve(cancelled());
    if (this.closed) return Promise.resolve(failure(stopped(name, 'the server is ending')));
    const id = ++this.lastId;
    const manner = onPartial ? { ...own, partial: true } : own;
    const message = { type: 'request', id, name, params, manner } as const;
    return new Promise((resolve) => {
      const cancel = () => this.cancel(id);
      const settle = (result: Result<unknown>) => {
        signal?.removeEventListener('abort', cancel);
        // The process runs the handler that belongs to this name, so the value is of its type.
        resolve(result as RequestResult<N>);
      };
      this.jobs.set(id, { message, settle, onProgress, onPartial, cancelled: false });
      signal?.addEventListener('abort', cancel, { once: true });
      this.send(message);
    });
  }

  /** Starts the process if it does not run, so that the first request finds it there. */
  wake(): void {
    if (!this.closed) this.child ??= this.start();
  }

  /** Tells the process, and every later one, what the user has set. */
  configure(settings: ComputeSettings): void {
    this.settings = settings;
    if (this.child) this.send({ type: 'configure', settings });
  }

  /** Ends the process; what still runs is answered with `compute-stopped`. */
  close(): void {
    this.closed = true;
    const child = this.child;
    this.child = undefined;
    this.failJobs('the server is ending');
    child?.kill('SIGKILL');
  }

  private cancel(id: number): void {
    const job = this.jobs.get(id);
    if (!job || job.cancelled) return;
    job.cancelled = true;
    job.settle(cancelled());
    this.send({ type: 'cancel', id });
    const running = this.child;
    setTimeout(() => {
      if (this.jobs.get(id) === job && this.child === running) this.replace(job);
    }, STUBBORN_AFTER_MS).unref();
  }

  /** Kills a process that does not let go of a cancelled job; everything else it had to do starts again in a new one. */
  private replace(job: Job): void {
    this.log(`${job.message.name} does not end after its cancellation: the compute process is replaced.`);
    this.child?.kill('SIGKILL');
    this.child = undefined;
    for (const [id, other] of this.jobs) {
      if (other.cancelled) this.jobs.delete(id);
      else this.send(other.message);
    }
  }

  private send(message: ToCompute): void {
    this.child ??= this.start();
    // A failure to send means that the process is gone, which its `exit` event reports.
    this.child.send(message, () => undefined);
  }

  private start(): ChildProcess {
    const child = fork(this.file, this.words, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      // The editor runs the server with its own executable, which is a plain Node only when told so.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    let tail = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL);
    });
    child.on('message', (message) => this.receive(message as FromCompute));
    child.on('error', (error) => this.ended(child, error.message));
    // `close`, not `exit`: only then everything it wrote to standard error has arrived.
    child.on('close', (code, signal) => this.ended(child, reason(code, signal, tail)));
    this.log(`Compute process ${String(child.pid)} started.`);
    if (this.settings) child.send({ type: 'configure', settings: this.settings }, () => undefined);
    return child;
  }

  private receive(message: FromCompute): void {
    if (message.type === 'log') {
      this.log(message.message);
      return;
    }
    const job = this.jobs.get(message.id);
    if (message.type === 'answer') {
      this.jobs.delete(message.id);
      job?.settle(message.result);
    } else if (job && !job.cancelled) {
      if (message.type === 'partial') job.onPartial?.(message.result);
      else job.onProgress?.(message.fraction, message.message);
    }
  }

  private ended(child: ChildProcess, why: string): void {
    if (this.child !== child) return;
    this.child = undefined;
    this.log(`Compute process ${String(child.pid)} ended: ${why}.`);
    this.failJobs(why);
  }

  private failJobs(why: string): void {
    const jobs = [...this.jobs.values()];
    this.jobs.clear();
    for (const job of jobs) job.settle(failure(stopped(job.message.name, why)));
  }
}

function reason(code: number | null, signal: string | null, tail: string): string {
  const how = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
  const lines = tail.trim().split('\n').slice(-5).join('\n');
  return lines === '' ? how : `${how}; it last wrote:\n${lines}`;
}

function stopped(name: RequestName, why: string): Problem {
  return {
    code: 'compute-stopped',
    message: `The compute process ended while it worked on ${name}: ${why}.`,
    action: 'Run it again: a new process is started. "Deltalens: Show Log" has the details.',
  };
}
