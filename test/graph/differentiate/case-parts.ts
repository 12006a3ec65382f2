// What cases of gradient rules are made of.
import { node, tensor, type Plain } from '../onnx/models';
import type { Case } from './check';

/** An input: its shape, or its values, too. */
export type Given = Case['inputs'][string];

/** Whole numbers as an initializer. */
export const ints = (
  name: string,
  values: readonly number[],
  shape = [values.length],
): ReturnType<typeof tensor> => tensor(name, 'int64', shape, values);

/** `y = Op(x, …)`. */
export function unary(
  op: string,
  attributes: Readonly<Record<string, Plain>> = {},
  x: Given = [2, 3],
  more: Partial<Case> = {},
  domain = '',
): Case {
  return { nodes: [node(op, 'x', 'y', attributes, domain)], inputs: { x }, ...more };
}

/** Where logarithms and roots are defined. */
export const POSITIVE = { shape: [2, 3], values: [0.3, 1.7, 0.9, 2.4, 0.6, 1.1] } satisfies Given;
/** Away from corners at 0 and ±1. */
export const AWAY = { shape: [2, 3], values: [-2.3, -0.7, 0.4, 1.2, 2.6, -1.4] } satisfies Given;
export const SINGLE = { precision: 'float32' as const };
