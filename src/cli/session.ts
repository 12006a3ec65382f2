import path from 'node:path';
import { fetchingPasses } from '../format/hub/fetch-spans';
import type { RequestName, RequestParams, RequestResult } from '../protocol/requests';
import type { Problem } from '../protocol/result';
import { visible } from '../protocol/visible-text';
import { answer } from '../server/analysis/answer';
import { MEMORY_BUDGET } from '../server/analysis/context';
import { DirectoryCache } from '../server/analysis/directory-cache';
import { ResultCache } from '../server/analysis/result-cache';
import { tellFetching } from '../server/analysis/fetching';
import { limitProgress } from '../server/progress-limit';
import { DEFAULT_SCAN_LIMIT } from '../server/settings';
import { createPassRunner } from '../tensor/pool';
import { exitCodeOf, type ExitCode } from './exit-codes';
import type { Output } from './output';
import { ProgressBar } from './progress-bar';

/** One run of the command line: asks what the server's requests ask, in this process. */
export class Session {
  private readonly passes = createPassRunner({ workerFile: path.join(__dirname, 'tensor-worker.js') });
  private readonly directories = new DirectoryCache();
  private readonly results = new ResultCache();
  private known: readonly string[] = [];

  constructor(
    readonly output: Output,
    readonly signal: AbortSignal,
  ) {}

  /** Answers a request, with a progress bar where standard error is a terminal. */
  async ask<N extends RequestName>(name: N, params: RequestParams<N>): Promise<RequestResult<N>> {
    const bar = new ProgressBar(process.stderr);
    const progress = limitProgress((fraction, message) => bar.show(fraction, message));
    const result = await answer(name, params, {
      passes: fetchingPasses(this.passes, tellFetching(progress)),
      directories: this.directories,
      results: this.results,
      contents: null,
      signal: this.signal,
      memoryBudget: MEMORY_BUDGET,
      scanLimit: DEFAULT_SCAN_LIMIT,
      // Nobody sits before a script: how much it is stands on standard error.
      askAbove: null,
      known: this.known,
      progress,
      partial: null,
      log: (message) => bar.above(message),
    });
    bar.clear();
    return result;
  }

  /** Looks for checkpoints below folders, so that an adapter's base can be found among them. */
  async learn(roots: readonly string[]): Promise<void> {
    const contents = await this.ask('deltalens/explore', { roots });
    if (!contents.ok) return;
    this.known = contents.value.families.flatMap((family) => family.entries.map((entry) => entry.path));
  }

  /** Says on standard error what went wrong, and gives the exit code for it. */
  fail(problem: Problem): ExitCode {
    this.output.complain(`deltalens: ${visible(problem.message)}\n${visible(problem.action)}\n`);
    return exitCodeOf(problem);
  }

  /** Ends the worker threads. */
  close(): Promise<void> {
    return this.passes.close();
  }
}
