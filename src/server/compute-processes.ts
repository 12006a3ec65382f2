import type { RequestName, RequestParams, RequestResult } from '../protocol/requests';
import type { ComputeSettings } from './compute-messages';
import { ComputeProcess, type RequestOptions } from './compute-process';

/** Answers requests in processes of its own. */
export interface Compute {
  /** Never rejects. A cancelled request is answered at once. */
  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    options?: RequestOptions,
  ): Promise<RequestResult<N>>;
  /** Tells what the user has set. */
  configure(settings: ComputeSettings): void;
  /** Ends everything; what still runs is answered with `compute-stopped`. */
  close(): void;
}

/** What may take minutes, and what belongs to it. */
const LONG: ReadonlySet<RequestName> = new Set([
  'deltalens/runLens',
  'deltalens/write',
  'deltalens/clearCache',
]);

/**
 * Two compute processes: lenses and whatever writes, which may keep one busy for minutes, run in the first; everything that somebody
 * waits for with a hand on the keyboard (hovers, findings, the tree, a tensor's statistics) in the second.
 * Both are started by the first request: whoever asks for anything is likely to open a study soon.
 */
export class ComputeProcesses implements Compute {
  private readonly lenses: ComputeProcess;
  private readonly answers: ComputeProcess;

  /** `file` is the bundle to fork; `log` gets one line at a time. */
  constructor(file: string, log: (message: string) => void) {
    this.lenses = new ComputeProcess(file, log, ['--yielding']);
    this.answers = new ComputeProcess(file, log);
  }

  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    options: RequestOptions = {},
  ): Promise<RequestResult<N>> {
    const answer = this.processFor(name).request(name, params, options);
    this.lenses.wake();
    return answer;
  }

  configure(settings: ComputeSettings): void {
    this.lenses.configure(settings);
    this.answers.configure(settings);
  }

  close(): void {
    this.lenses.close();
    this.answers.close();
  }

  private processFor(name: RequestName): ComputeProcess {
    return LONG.has(name) ? this.lenses : this.answers;
  }
}
