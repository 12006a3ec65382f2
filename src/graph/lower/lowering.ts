import type { Term } from '../differentiate/emitter';
import type { RuleContext } from '../differentiate/rule';
import type { OnnxNode } from '../../format/onnx/types';

/** What a lowering is given: a node, its values with their shapes, and a place to write to. */
export type LoweringContext = Pick<RuleContext, 'node' | 'emit' | 'input' | 'output' | 'constant'>;

/**
 * Writes one node as plain operators for inputs of known sizes, and gives what stands for each of its outputs (`null` where
 * nothing does). A text says why this node stays as it is; nothing is written then.
 */
export type Lowering = (context: LoweringContext) => readonly (Pick<Term, 'name'> | null)[] | string;

/** Lowerings of one family of operators, by operator; `domain.Operator` outside the standard domain. */
export type LoweringFamily = Readonly<Record<string, Lowering>>;

/** An operator with its domain, as rules and lowerings are registered. */
export function keyOf(node: OnnxNode): string {
  return node.domain === '' ? node.op : `${node.domain}.${node.op}`;
}

/** Whether a node has an input or output that is not left out, at one of these places. */
export function hasAny(names: readonly string[], slots: readonly number[]): boolean {
  return slots.some((slot) => (names[slot] ?? '') !== '');
}
