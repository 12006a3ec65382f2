import * as vscode from 'vscode';
import type { LensResult } from '../../protocol/artifact';
import type { ToResultPanel } from '../../protocol/panel';
import { needsAttachment } from '../../protocol/attachment';
import { CANCELLED, cancelled, type Problem, type Result } from '../../protocol/result';
import type { RunSpec } from '../../protocol/study';
import { Disposable } from '../disposable';
import { runKey } from './panel-state';

/** How far the run of a card is; sent again whenever the page has to be filled anew. */
export type Outcome = Extract<ToResultPanel, { type: 'progress' | 'result' | 'failed' }>;

/** What is told of a run while it is at work. */
export interface RunListener {
  readonly progress: (fraction: number, message: string) => void;
  readonly partial: (result: LensResult) => void;
}

/** Computes one run; the listener may be called until the promise settles. */
export type Compute = (
  run: RunSpec,
  listener: RunListener,
  token: vscode.CancellationToken,
) => Promise<Result<LensResult>>;

interface CardRun {
  readonly key: string;
  readonly run: RunSpec;
  readonly cancellation: vscode.CancellationTokenSource;
  outcome: Outcome;
  /** What it had last, while it is not done. */
  partial: LensResult | null;
  /** The card's run before this one, if it had a result: it stands again once this one is cancelled. */
  readonly before: CardRun | null;
}

type Partial = Extract<ToResultPanel, { type: 'partial' }>;

const SILENT: RunListener = { progress: () => undefined, partial: () => undefined };

// Two, so that a short run does not wait for a long one; more would only share the same disk, cores and memory.
const AT_ONCE = 2;

/** The runs of a panel's cards: at most two at a time, the others wait; what came out is kept for a page that is made anew. */
export class CardRuns extends Disposable {
  private readonly cards = new Map<string, CardRun>();
  private readonly waiting: { readonly card: string; readonly entry: CardRun }[] = [];
  private running = 0;
  private renewing = false;
  private renewAgain = false;

  constructor(
    private readonly compute: Compute,
    private readonly tell: (outcome: Outcome | Partial) => void,
  ) {
    super();
    this.register({ dispose: () => [...this.cards.keys()].forEach((card) => this.forget(card)) });
  }

  /** Whether any card has a result. */
  get hasResult(): boolean {
    return [...this.cards.values()].some(({ outcome }) => outcome.type === 'result');
  }

  /** Whether a card failed because its study has no graph or no data. */
  lacksNetwork(card: string): boolean {
    const outcome = this.cards.get(card)?.outcome;
    return outcome?.type === 'failed' && needsAttachment(outcome.problem);
  }

  /** Path of an input of a card's result by its name, e.g. that of the base. */
  inputPath(card: string, name: string): string | undefined {
    const outcome = this.cards.get(card)?.outcome;
    if (outcome?.type !== 'result') return undefined;
    return outcome.result.inputs.find((input) => input.name === name)?.path;
  }

  /** Starts a card's run in place of an earlier one; tells what is known instead where it is the same run and not asked for again. */
  start(card: string, run: RunSpec, again: boolean): void {
    const key = runKey(run);
    const known = this.cards.get(card);
    if (known?.key === key && !again) return this.tellAgain(card, known);
    this.forget(card);
    const outcome: Outcome = { type: 'progress', card, fraction: 0, message: vscode.l10n.t('Waiting') };
    const before = known?.outcome.type === 'result' ? { ...known, before: null } : (known?.before ?? null);
    const cancellation = new vscode.CancellationTokenSource();
    const entry: CardRun = { key, run, cancellation, outcome, partial: null, before };
    this.cards.set(card, entry);
    this.waiting.push({ card, entry });
    this.tell(outcome);
    this.startNext();
  }

  /** Sets a card's run aside as failed, without having computed it. */
  fail(card: string, run: RunSpec, problem: Problem): void {
    this.forget(card);
    const cancellation = new vscode.CancellationTokenSource();
    this.cards.set(card, {
      key: runKey(run),
      run,
      cancellation,
      outcome: failed(card, problem),
      partial: null,
      before: null,
    });
    this.tell(failed(card, problem));
  }

  /** Cancels what a card waits for; a run that is at work tells so itself once it has stopped. */
  cancel(card: string): void {
    const entry = this.cards.get(card);
    if (!entry) return;
    entry.cancellation.cancel();
    const at = this.waiting.findIndex((waiting) => waiting.entry === entry);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    const answer = cancelled<LensResult>();
    if (!answer.ok) this.settle(card, entry, failed(card, answer.problem));
  }

  /**
   * Runs the cards of training runs again behind what they show, and shows what came out where the run has other
   * checkpoints by now. What fails leaves a card as it is: the next checkpoint may just be half written.
   */
  async renew(): Promise<void> {
    if (this.renewing) {
      this.renewAgain = true;
      return;
    }
    this.renewing = true;
    do {
      this.renewAgain = false;
      for (const [card, entry] of [...this.cards]) await this.renewCard(card, entry);
    } while (this.renewAgain && !this.isDisposed);
    this.renewing = false;
  }

  private async renewCard(card: string, entry: CardRun): Promise<void> {
    const { outcome, run, cancellation } = entry;
    if (outcome.type !== 'result' || !run.study.tasks.some((task) => task.run)) return;
    const answer = await this.compute(run, SILENT, cancellation.token);
    if (!answer.ok || JSON.stringify(answer.value.inputs) === JSON.stringify(outcome.result.inputs)) return;
    if (entry.outcome === outcome) this.settle(card, entry, { type: 'result', card, result: answer.value });
  }

  /** Cancels a card's run and drops what came out of it. */
  forget(card: string): void {
    const entry = this.cards.get(card);
    this.cards.delete(card);
    entry?.cancellation.cancel();
    const at = this.waiting.findIndex((waiting) => waiting.entry === entry);
    if (at >= 0) this.waiting.splice(at, 1);
  }

  private startNext(): void {
    while (this.running < AT_ONCE) {
      const next = this.waiting.shift();
      if (!next) return;
      this.running += 1;
      void this.work(next.card, next.entry).finally(() => {
        this.running -= 1;
        this.startNext();
      });
    }
  }

  private async work(card: string, entry: CardRun): Promise<void> {
    const listener: RunListener = {
      progress: (fraction, message) =>
        this.settle(card, entry, { type: 'progress', card, fraction, message }),
      partial: (result) => {
        if (this.cards.get(card) !== entry || this.isDisposed) return;
        entry.partial = result;
        this.tell({ type: 'partial', card, result });
      },
    };
    const answer = await this.compute(entry.run, listener, entry.cancellation.token);
    this.settle(card, entry, this.outcomeOf(card, entry, answer));
  }

  /** A run that was stopped keeps what it had. */
  private outcomeOf(card: string, { partial }: CardRun, answer: Result<LensResult>): Outcome {
    if (answer.ok) return { type: 'result', card, result: answer.value };
    if (answer.problem.code === CANCELLED && partial) return { type: 'result', card, result: partial };
    return failed(card, answer.problem);
  }

  private tellAgain(card: string, { outcome, partial }: CardRun): void {
    if (outcome.type === 'progress' && partial) this.tell({ type: 'partial', card, result: partial });
    this.tell(outcome);
  }

  private settle(card: string, entry: CardRun, outcome: Outcome): void {
    if (this.cards.get(card) !== entry || this.isDisposed) return;
    entry.outcome = outcome;
    this.tell(outcome);
    const isCancelled = outcome.type === 'failed' && outcome.problem.code === CANCELLED;
    if (isCancelled && entry.before) this.cards.set(card, entry.before);
  }
}

function failed(card: string, problem: Problem): Outcome {
  return { type: 'failed', card, problem };
}
