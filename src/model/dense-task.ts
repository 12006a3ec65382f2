import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { Finding } from '../protocol/finding';
import { dtypeByName } from '../tensor/dtype';
import { shapeText } from './shape-text';
import { bestNameChange, changeName, nameChangeText, sameShape, type NameChange } from './base-tensor';
import { ModelFindings } from './model-findings';
import { placeOf } from './naming';
import type { TaskVector, TensorDelta } from './task-vector';

/** A task vector and what was odd when it was put together; the verdict about the base comes first. */
export interface BuiltTask {
  readonly task: TaskVector;
  readonly findings: readonly Finding[];
}

/** Whether a tensor is trained: counters, masks and quantised integers have no task vector. */
export function isFloating(entry: TensorEntry): boolean {
  return dtypeByName(entry.span.dtype)?.kind === 'float';
}

/**
 * The task vector `τ = θ − θ₀` of a fine-tuned checkpoint. Tensors are matched by name, a wrapper's prefix aside, and
 * must have the same shape; what does not match is left out and reported.
 */
export function denseTask(name: string, checkpoint: Checkpoint, base: Checkpoint): BuiltTask {
  const alignment = new Alignment(name, checkpoint, base);
  return {
    task: {
      name,
      checkpoint,
      kind: 'dense',
      deltas: alignment.deltas(),
      unplaced: alignment.unplaced,
    },
    findings: alignment.findings.all(),
  };
}

class Alignment {
  readonly unplaced: { tensor: string; reason: string }[] = [];
  readonly findings: ModelFindings;
  private readonly base: ReadonlyMap<string, TensorEntry>;
  /** Trained tensors of the task by the names they have in the base. */
  private readonly task: ReadonlyMap<string, TensorEntry>;

  constructor(
    private readonly name: string,
    checkpoint: Checkpoint,
    base: Checkpoint,
  ) {
    this.findings = new ModelFindings(checkpoint.path);
    this.base = new Map(base.tensors.filter(isFloating).map((entry) => [entry.name, entry]));
    const floating = checkpoint.tensors.filter(isFloating);
    const change = this.changeOf(floating);
    this.task = new Map(floating.map((entry) => [changeName(entry.name, change) ?? entry.name, entry]));
    const integers = checkpoint.tensors.filter((entry) => !isFloating(entry));
    this.reportIntegers(integers);
  }

  deltas(): ReadonlyMap<string, TensorDelta> {
    const deltas = new Map<string, TensorDelta>();
    for (const [tensor, base] of this.base) {
      const task = this.task.get(tensor);
      if (!task) this.reportMissing(base);
      else if (sameShape(base.span.shape, task.span.shape))
        deltas.set(tensor, { kind: 'dense', span: task.span });
      else this.reportShape(base, task);
    }
    for (const [tensor, task] of this.task) {
      if (!this.base.has(tensor)) this.reportNew(task);
    }
    this.reportDtypes(deltas);
    if (deltas.size * 2 < this.base.size || deltas.size === 0) this.reportMismatch(deltas.size);
    return deltas;
  }

  private changeOf(floating: readonly TensorEntry[]): NameChange {
    const shapes = new Map(floating.map((entry) => [entry.name, entry.span.shape]));
    const change = bestNameChange([...shapes.keys()], (changed, original) => {
      const base = this.base.get(changed);
      return base !== undefined && sameShape(base.span.shape, shapes.get(original) ?? []);
    });
    if (change.remove !== '' || change.add !== '') {
      this.findings.add(
        'task-name-prefix',
        `${this.name}: ${nameChangeText(change)}; the tensors were matched without it.`,
      );
    }
    return change;
  }

  private reportIntegers(integers: readonly TensorEntry[]): void {
    const [first] = integers;
    if (!first) return;
    for (const { name, span } of integers)
      this.unplaced.push({ tensor: name, reason: `${span.dtype} is not floating point` });
    const count =
      integers.length === 1 ? 'One tensor holds' : `${integers.length.toLocaleString('en-US')} tensors hold`;
    this.findings.add(
      'task-tensor-integer',
      `${this.name}: ${count} no floating-point numbers (${first.name}: ${first.span.dtype}).`,
    );
  }

  private reportMissing(base: TensorEntry): void {
    if (this.isTiedHead(base, this.task)) return this.reportTied(base, 'the task');
    this.findings.add(
      'task-tensor-missing',
      `${this.name}: the base's ${base.name} (${shapeText(base.span.shape)}) is missing.`,
      base.name,
    );
  }

  private reportNew(task: TensorEntry): void {
    if (this.isTiedHead(task, this.base)) {
      this.unplaced.push({ tensor: task.name, reason: 'tied to the token embedding in the base' });
      return this.reportTied(task, 'the base');
    }
    this.unplaced.push({ tensor: task.name, reason: 'not in the base' });
    this.findings.add(
      'task-tensor-new',
      `${this.name}: ${task.name} (${shapeText(task.span.shape)}) is not in the base.`,
      task.name,
    );
  }

  private reportShape(base: TensorEntry, task: TensorEntry): void {
    const shapes = `${shapeText(task.span.shape)} here and ${shapeText(base.span.shape)} in the base`;
    this.unplaced.push({ tensor: task.name, reason: shapes });
    this.findings.add('task-tensor-shape', `${this.name}: ${task.name} is ${shapes}.`, task.name);
  }

  private reportTied(head: TensorEntry, side: string): void {
    this.findings.add(
      'task-tied-head',
      `${this.name}: ${head.name} is not stored in ${side}; it is tied to the token embedding there.`,
      head.name,
    );
  }

  private reportDtypes(deltas: ReadonlyMap<string, TensorDelta>): void {
    for (const [tensor, delta] of deltas) {
      const base = this.base.get(tensor);
      if (!base || delta.kind !== 'dense' || delta.span.dtype === base.span.dtype) continue;
      const dtypes = `${delta.span.dtype} against ${base.span.dtype} in the base`;
      this.findings.add(
        'task-dtype-differs',
        `${this.name}: ${tensor} is ${dtypes}, and perhaps others are too.`,
        tensor,
      );
      return;
    }
  }

  private reportMismatch(fitting: number): void {
    if (this.base.size === 0) {
      const message = `${this.name}: the base holds no floating-point tensors, so nothing can be compared.`;
      this.findings.addFirst('study-task-does-not-fit', message);
      return;
    }
    const share = `${fitting.toLocaleString('en-US')} of the base's ${this.base.size.toLocaleString('en-US')} tensors`;
    this.findings.addFirst(
      'study-task-does-not-fit',
      `${this.name}: only ${share} have a counterpart of the same name and shape.`,
    );
  }

  /** An output head that the other side does not store, in the shape of that side's token embedding. */
  private isTiedHead(head: TensorEntry, other: ReadonlyMap<string, TensorEntry>): boolean {
    if (placeOf(head.name).module !== 'head' || !head.name.endsWith('.weight')) return false;
    for (const { name, span } of other.values()) {
      if (sameShape(span.shape, head.span.shape) && placeOf(name).module === 'embedding.token') return true;
    }
    return false;
  }
}
