import { cancelled, failure, success, type Problem, type Result } from '../protocol/result';
import { planPass, type PassPlan } from './chunks';
import { merge } from './kernels/registry';
import type { MatrixSource } from './matrix-source';
import type { GroupTask, PassItem, PassOutcome, SingleItem } from './pass';
import { STOPPED, type PassMessage, type Part } from './pass-messages';

/** Progress is told at most this often. */
const TELL_EVERY_MS = 100;

/**
 * A pass as seen by the thread that waits for it: joins contributions in chunk order, whatever order they come in, so
 * that the outcome is the same to the last bit for any number of workers.
 */
export class RunningPass {
  readonly message: PassMessage;
  readonly portions: number;
  readonly result: Promise<Result<readonly PassOutcome[]>>;
  private readonly plan: PassPlan;
  private readonly control: Int32Array;
  private readonly outcomes: (PassOutcome | undefined)[];
  /** For each item the chunk to be joined next. */
  private readonly nextChunks: number[];
  /** Contributions that came before their turn. */
  private readonly early = new Map<number, PassOutcome>();
  private joined = 0;
  private doneBytes = 0;
  private toldAt = 0;
  private settle: (result: Result<readonly PassOutcome[]>) => void = () => undefined;

  constructor(
    pass: number,
    items: readonly PassItem[],
    private readonly onBytes?: (done: number, total: number) => void,
  ) {
    this.plan = planPass(items);
    this.portions = this.plan.portions;
    this.nextChunks = items.map((_, item) => this.plan.chunksOf(item).first);
    this.outcomes = items.map(() => undefined);
    const control = new SharedArrayBuffer(8);
    this.control = new Int32Array(control);
    this.message = { pass, items: shareFactors(items), control };
    this.result = new Promise((resolve) => (this.settle = resolve));
  }

  /** Takes contributions in; the last one completes the result. */
  accept(parts: readonly Part[]): void {
    for (const part of parts) {
      this.early.set(part.chunk, part.outcome);
      this.doneBytes += part.bytes;
      this.join(part.item);
    }
    const complete = this.joined === this.plan.chunks;
    this.tell(complete);
    if (complete) this.settle(success(this.outcomes.filter((outcome) => outcome !== undefined)));
  }

  /** Ends the pass without an outcome; workers stop before their next portion. */
  fail(problem: Problem): void {
    this.stop(failure(problem));
  }

  /** {@link fail} for a pass that nobody wants any more. */
  cancel(): void {
    this.stop(cancelled());
  }

  private stop(result: Result<readonly PassOutcome[]>): void {
    Atomics.store(this.control, STOPPED, 1);
    this.early.clear();
    this.settle(result);
  }

  private join(item: number): void {
    const { end } = this.plan.chunksOf(item);
    for (let chunk = this.nextChunks[item] ?? end; chunk < end; chunk++) {
      const outcome = this.early.get(chunk);
      if (outcome === undefined) return;
      const before = this.outcomes[item];
      this.outcomes[item] = before === undefined ? outcome : merge(before, outcome);
      this.early.delete(chunk);
      this.nextChunks[item] = chunk + 1;
      this.joined++;
    }
  }

  private tell(complete: boolean): void {
    const now = Date.now();
    if (!complete && now - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = now;
    this.onBytes?.(this.doneBytes, this.plan.bytes);
  }
}

/** The same items with their factors in memory that threads share: one copy, however many workers there are. */
function shareFactors(items: readonly PassItem[]): readonly PassItem[] {
  const copies = new Map<Float64Array, Float64Array>();
  const shared = (factor: Float64Array): Float64Array => {
    if (factor.buffer instanceof SharedArrayBuffer) return factor;
    const known = copies.get(factor) ?? new Float64Array(new SharedArrayBuffer(factor.byteLength));
    if (!copies.has(factor)) known.set(factor);
    copies.set(factor, known);
    return known;
  };
  const sharedTask = (task: GroupTask): GroupTask =>
    task.kind === 'dense'
      ? task
      : { ...task, delta: { ...task.delta, a: shared(task.delta.a), b: shared(task.delta.b) } };
  const sharedSingle = (item: SingleItem): SingleItem => {
    if ('tasks' in item) return { ...item, tasks: item.tasks.map(sharedTask) };
    return 'task' in item ? { ...item, task: sharedTask(item.task) } : item;
  };
  return items.map((item) => {
    if (item.kind === 'matrix') return { ...item, source: shareSource(item.source, sharedTask) };
    if (item.kind !== 'fused') return sharedSingle(item);
    return { ...item, parts: item.parts.map((part) => ({ ...part, item: sharedSingle(part.item) })) };
  });
}

function shareSource(source: MatrixSource, sharedTask: (task: GroupTask) => GroupTask): MatrixSource {
  const terms = source.terms.map((term) =>
    term.kind === 'delta' && term.task.kind !== 'stored' ? { ...term, task: sharedTask(term.task) } : term,
  );
  return { ...source, terms };
}
