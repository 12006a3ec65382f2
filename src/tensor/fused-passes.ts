import { cancelled, success, type Problem, type Result } from '../protocol/result';
import { spansOf } from './chunks';
import { fuseItems, type Asked, type Planned } from './fused-items';
import type { PassItem, PassOutcome, PassRunner } from './pass';

/** How long a call waits for others to share its reading: lenses that start together ask within a few milliseconds. */
const GATHER_MS = 4;

/**
 * Has calls that come within a few milliseconds of each other, and the items of one call, share what they read: every
 * byte is read once for all of them, and each gets the outcome that it would have got by itself, to the last bit.
 *
 * Each call keeps its own cancellation, progress and failure. A cancelled call ends at once; what it shares with others
 * goes on for them, the rest stops. Progress counts the bytes that the call asked for, whoever else asked for them.
 * Where shared reading fails, each call tries by itself, and so fails for its own reasons only.
 */
export function fusePasses(runner: PassRunner, gatherMs = GATHER_MS): PassRunner {
  let gathered: Call[] = [];
  return {
    run: (items, options) => {
      if (options.signal.aborted || !items.some(isShareable)) return runner.run(items, options);
      const call = new Call(items, options);
      if (gathered.length === 0) {
        setTimeout(() => {
          const calls = gathered.filter(({ signal }) => !signal.aborted);
          gathered = [];
          start(runner, calls);
        }, gatherMs);
      }
      gathered.push(call);
      return call.result;
    },
  };
}

type Options = Parameters<PassRunner['run']>[1];

function isShareable(item: PassItem): boolean {
  return item.kind !== 'matrix' && spansOf(item).length > 0;
}

/** Starts what these calls ask for, as few runs as keep them independent: one for each set of calls that share items. */
function start(runner: PassRunner, calls: readonly Call[]): void {
  const asked = calls.flatMap(({ items }, call) =>
    items.map((item, position): Asked => ({ call, position, item })),
  );
  const runs = new Map<string, { calls: readonly number[]; planned: Planned[] }>();
  for (const planned of fuseItems(asked)) {
    const own = [...new Set(planned.asked.flat().map(({ call }) => call))].sort((x, y) => x - y);
    const run = runs.get(own.join()) ?? { calls: own, planned: [] };
    runs.set(own.join(), run);
    run.planned.push(planned);
  }
  for (const run of runs.values()) {
    void runShared(
      runner,
      run.planned,
      run.calls.map((number) => ({ number, call: calls[number] as Call })),
    );
  }
}

type Sharer = { readonly number: number; readonly call: Call };

async function runShared(
  runner: PassRunner,
  planned: readonly Planned[],
  sharers: readonly Sharer[],
): Promise<void> {
  const progress = sharers.map(({ number, call }) => call.partOf(bytesAskedBy(number, planned)));
  const result = await runner.run(
    planned.map(({ item }) => item),
    {
      signal: whenAllAbort(sharers.map(({ call }) => call.signal)),
      onBytes: (done, total) => progress.forEach((part) => part(total > 0 ? done / total : 1)),
    },
  );
  if (result.ok) {
    for (const { number, call } of sharers) call.take(outcomesFor(number, planned, result.value));
  } else if (sharers.length === 1) sharers[0]?.call.fail(result.problem);
  else
    await Promise.all(sharers.map((sharer) => runShared(runner, ownPart(sharer.number, planned), [sharer])));
}

/** What one call asked for of what was planned, without what others did. */
function ownPart(number: number, planned: readonly Planned[]): readonly Planned[] {
  const asked = planned.flatMap((each) => each.asked.flat()).filter(({ call }) => call === number);
  return fuseItems(asked);
}

function bytesAskedBy(number: number, planned: readonly Planned[]): number {
  return planned
    .flatMap(({ asked }) => asked.flat())
    .filter(({ call }) => call === number)
    .reduce((sum, { item }) => sum + bytesOf(item), 0);
}

function bytesOf(item: PassItem): number {
  return spansOf(item).reduce((sum, { bytes }) => sum + bytes, 0);
}

function outcomesFor(
  number: number,
  planned: readonly Planned[],
  outcomes: readonly PassOutcome[],
): readonly (readonly [number, PassOutcome])[] {
  return planned.flatMap(({ asked }, index) => {
    const outcome = outcomes[index];
    return asked.flatMap((askers, part) =>
      askers.flatMap(({ call, position }): [number, PassOutcome][] => {
        const own = outcome?.kind === 'fused' ? outcome.outcomes[part] : outcome;
        return call === number && own !== undefined ? [[position, own]] : [];
      }),
    );
  });
}

/** Aborts once all of these have. */
function whenAllAbort(signals: readonly AbortSignal[]): AbortSignal {
  const [only] = signals;
  if (only !== undefined && signals.length === 1) return only;
  const controller = new AbortController();
  const look = () => {
    if (signals.every(({ aborted }) => aborted)) controller.abort();
  };
  for (const signal of signals) signal.addEventListener('abort', look, { once: true });
  look();
  return controller.signal;
}

/** One call while its items are worked off, in one run or several. */
class Call {
  readonly result: Promise<Result<readonly PassOutcome[]>>;
  private readonly over = new AbortController();
  private readonly outcomes: (PassOutcome | undefined)[];
  private missing: number;
  private readonly total: number;
  private readonly done: number[] = [];
  private settle: (result: Result<readonly PassOutcome[]>) => void = () => undefined;
  private readonly cancel = () => this.end(cancelled());

  constructor(
    readonly items: readonly PassItem[],
    private readonly options: Options,
  ) {
    this.outcomes = items.map(() => undefined);
    this.missing = items.length;
    this.total = items.reduce((sum, item) => sum + bytesOf(item), 0);
    this.result = new Promise((resolve) => (this.settle = resolve));
    options.signal.addEventListener('abort', this.cancel, { once: true });
  }

  /** Aborts once nobody waits for the call any more: it was cancelled, failed, or is done. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** Tells how far a part of the call has come that is `bytes` of it. */
  partOf(bytes: number): (share: number) => void {
    const part = this.done.push(0) - 1;
    return (share) => {
      this.done[part] = Math.round(bytes * share);
      if (this.signal.aborted) return;
      const done = this.done.reduce((sum, each) => sum + each, 0);
      this.options.onBytes?.(Math.min(done, this.total), this.total);
    };
  }

  /** Takes outcomes in by position; the last one completes the result. */
  take(outcomes: readonly (readonly [number, PassOutcome])[]): void {
    for (const [position, outcome] of outcomes) {
      this.outcomes[position] = outcome;
      this.missing--;
    }
    if (this.missing === 0) this.end(success(this.outcomes.filter((outcome) => outcome !== undefined)));
  }

  /** Ends the call without outcomes. */
  fail(problem: Problem): void {
    this.end({ ok: false, problem });
  }

  private end(result: Result<readonly PassOutcome[]>): void {
    this.options.signal.removeEventListener('abort', this.cancel);
    this.settle(result);
    this.over.abort();
  }
}
