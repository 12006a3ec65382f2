import { success, type Result } from '../../protocol/result';
import { quoted } from '../../format/problems';
import { int } from '../attributes';
import { Emitter, type Term } from '../differentiate/emitter';
import { GraphDraft } from '../graph-draft';
import type { ModelGraph } from '../model-graph';
import { refuse } from '../problems';
import type { TracedGraph } from '../trace';

/** What a network is differentiated for. All are sums over the samples (and positions) of a run. */
export type Objective =
  /**
   * `Σ log p(label)` of a softmax over the last axis. Labels have the shape of the logits without that axis: one a sample
   * for classification, one a position for language models. `shift`: position t is scored against label t + 1, for labels
   * that are the inputs themselves (causal language modelling).
   */
  | {
      readonly kind: 'log-likelihood';
      readonly output: string;
      readonly ignore?: number;
      readonly shift?: boolean;
    }
  /** `Σ logit(label)`: what the released code of some papers differentiates instead. */
  | {
      readonly kind: 'gold-logit';
      readonly output: string;
      readonly ignore?: number;
      readonly shift?: boolean;
    }
  /** `Σ H(p)`; needs no labels. */
  | { readonly kind: 'entropy'; readonly output: string }
  /** `Σ KL(q ‖ p)`, q being the distribution that another binding of the weights gives for the same inputs. */
  | { readonly kind: 'divergence'; readonly output: string }
  /** `−½ Σ (y − target)²`: the log-likelihood of a regression with unit variance, up to a constant. */
  | { readonly kind: 'regression'; readonly output: string }
  /** An output that is the objective already; its entries are added up. */
  | { readonly kind: 'output'; readonly output: string };

/** A graph with an objective beside its outputs. */
export interface WithObjective {
  readonly graph: ModelGraph;
  /** The value that is the objective; of shape []. */
  readonly objective: string;
  /** The input that labels, targets, or the other binding's logits are fed to; `null` where none are needed. */
  readonly reference: {
    readonly name: string;
    readonly type: 'int64' | 'float32' | 'float64';
    readonly shape: readonly number[];
  } | null;
}

/** Labels of this value are left out, as PyTorch's losses do. */
export const IGNORED = -100;

/**
 * Adds an objective to a traced graph. The result has to be traced again before it is differentiated. Fails with
 * `graph-output-missing` or `graph-objective` where the output does not fit the objective.
 */
export function addObjective(traced: TracedGraph, objective: Objective): Result<WithObjective> {
  const { graph, shapes, types } = traced;
  const [shape, type] = [shapes.get(objective.output), types.get(objective.output)];
  const { path } = graph;
  if (shape === undefined || type === undefined) {
    const outputs = graph.outputs.map(({ name }) => quoted(name)).join(', ');
    const message = `${path} has no value ${quoted(objective.output)}; its outputs are ${outputs}.`;
    return refuse('graph-output-missing', path, message, objective.output);
  }
  if (type !== 'float32' && type !== 'float64') {
    const message = `${path}: the objective ${objective.kind} needs a floating-point output, and ${quoted(objective.output)} is ${type}.`;
    return refuse('graph-objective', path, message, objective.output);
  }
  const output: Term = { name: objective.output, shape, type };
  const needsLogits = objective.kind !== 'regression' && objective.kind !== 'output';
  if (needsLogits && (shape.length === 0 || (shape.at(-1) ?? 0) < 2)) {
    const message = `${path}: the objective ${objective.kind} needs logits, and ${quoted(objective.output)} has the shape [${shape.join(', ')}].`;
    return refuse('graph-objective', path, message, objective.output);
  }
  const draft = new GraphDraft(graph);
  const emit = new Emitter(draft);
  const added = terms(emit, objective, output);
  const total = emit.apply('ReduceSum', [added.value], [], { keepdims: int(0) });
  draft.outputs = [...draft.outputs, { name: total.name, type, shape: [] }];
  const made = draft.finish();
  if (!made.ok) return made;
  return success({ graph: made.value, objective: total.name, reference: added.reference });
}

interface Added {
  readonly value: Term;
  readonly reference: WithObjective['reference'];
}

function terms(emit: Emitter, objective: Objective, output: Term): Added {
  const type = output.type === 'float64' ? 'float64' : 'float32';
  switch (objective.kind) {
    case 'log-likelihood':
      return picked(emit, logSoftmax(emit, shifted(emit, output, objective.shift)), output, objective);
    case 'gold-logit':
      return picked(emit, shifted(emit, output, objective.shift), output, objective);
    case 'entropy': {
      const logs = logSoftmax(emit, output);
      return { value: emit.neg(emit.mul(emit.map('Exp', logs), logs)), reference: null };
    }
    case 'divergence': {
      const name = emit.draft.addInput('other-logits', type, output.shape);
      const other = logSoftmax(emit, { ...output, name });
      const value = emit.mul(emit.map('Exp', other), emit.sub(other, logSoftmax(emit, output)));
      return { value, reference: { name, type, shape: output.shape } };
    }
    case 'regression': {
      const name = emit.draft.addInput('targets', type, output.shape);
      const off = emit.sub(output, { ...output, name });
      return { value: emit.scale(emit.mul(off, off), -0.5), reference: { name, type, shape: output.shape } };
    }
    case 'output':
      return { value: output, reference: null };
  }
}

function logSoftmax(emit: Emitter, logits: Term): Term {
  return emit.apply('LogSoftmax', [logits], logits.shape, { axis: int(-1) });
}

/** All positions but the last, which predicts nothing that is known. */
function shifted(emit: Emitter, logits: Term, shift = false): Term {
  const axis = logits.shape.length - 2;
  return shift && axis >= 0 ? emit.slice(logits, [0], [(logits.shape[axis] ?? 1) - 1], [axis]) : logits;
}

/** The entry of the label at every position, 0 where the label is to be ignored. */
function picked(
  emit: Emitter,
  scores: Term,
  output: Term,
  { ignore = IGNORED, shift = false }: { readonly ignore?: number; readonly shift?: boolean },
): Added {
  const shape = output.shape.slice(0, -1);
  const name = emit.draft.addInput('labels', 'int64', shape);
  const given: Term = { name, shape, type: 'int64' };
  const last = shape.length - 1;
  const labels = shift && last >= 0 ? emit.slice(given, [1], [shape[last] ?? 1], [last]) : given;
  const ignored = emit.compare('Equal', labels, {
    name: emit.draft.constant('int64', [], [ignore]),
    shape: [],
    type: 'int64',
  });
  const zero: Term = { name: emit.draft.constant('int64', [], [0]), shape: [], type: 'int64' };
  const safe = emit.where(ignored, zero, labels);
  const indices = emit.reshape(safe, [...labels.shape, 1]);
  const entries = emit.apply('GatherElements', [scores, indices], indices.shape, { axis: int(-1) });
  const value = emit.where(ignored, emit.scalar(output, 0), emit.reshape(entries, labels.shape));
  return { value, reference: { name, type: 'int64', shape } };
}
