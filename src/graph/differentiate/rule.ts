import type { OnnxNode } from '../../format/onnx/types';
import type { Emitter, Term } from './emitter';

/** What a rule is given: a node, its values, and the gradients of its outputs. */
export interface RuleContext {
  readonly node: OnnxNode;
  readonly emit: Emitter;
  /** The value at an input; `null` where it is left out or no tensor of known shape. */
  input(slot: number): Term | null;
  /** The value of an output of the node, as the forward pass computes it. */
  output(slot: number): Term | null;
  /** `∂ objective / ∂ output`, of the output's shape; `null` where the objective does not depend on that output. */
  gradient(slot: number): Term | null;
  /** Whether the gradient of an input is needed at all. */
  wants(slot: number): boolean;
  /** The numbers of an input that is a constant; `null` where it depends on data or weights. */
  constant(slot: number): readonly number[] | null;
  /**
   * Asks the forward node for an optional output that it does not have yet (mean and deviation of a normalisation,
   * places of maxima).
   */
  extraOutput(slot: number, shape: readonly number[], type: Term['type']): Term;
}

/**
 * A vector–Jacobian product: one gradient per input, `null` where there is none. A text says why this node cannot be
 * differentiated.
 */
export type Rule = (context: RuleContext) => readonly (Term | null)[] | string;

/** Rules of one family of operators, by operator; `domain.Operator` outside the standard domain. */
export type RuleFamily = Readonly<Record<string, Rule>>;

/** Axes counted from the front. */
export function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** A rule of an operator with one differentiable input, which always has gradient and input. */
export function unary(rule: (context: RuleContext, dy: Term, x: Term) => Term | string): Rule {
  return (context) => {
    const [dy, x] = [context.gradient(0), context.input(0)];
    if (dy === null || x === null) return [null];
    const dx = rule(context, dy, x);
    return typeof dx === 'string' ? dx : [dx];
  };
}
