import type { Attribute, OnnxNode, OnnxTensor } from '../format/onnx/types';

/** A whole number as an attribute. */
export function int(value: number): Attribute {
  return { kind: 'int', value };
}

/** Whole numbers as an attribute. */
export function ints(value: readonly number[]): Attribute {
  return { kind: 'ints', value };
}

/** A float as an attribute. */
export function float(value: number): Attribute {
  return { kind: 'float', value };
}

/** A text as an attribute. */
export function text(value: string): Attribute {
  return { kind: 'string', value };
}

/** A tensor as an attribute. */
export function tensorAttribute(value: OnnxTensor): Attribute {
  return { kind: 'tensor', value };
}

/** A whole number that a node gives, or what the operator takes where it does not. */
export function intOf(node: OnnxNode, name: string, otherwise: number): number {
  const found = node.attributes.get(name);
  return found?.kind === 'int' ? found.value : otherwise;
}

/** Whole numbers that a node gives; `null` where it does not. */
export function intsOf(node: OnnxNode, name: string): readonly number[] | null {
  const found = node.attributes.get(name);
  return found?.kind === 'ints' ? found.value : null;
}

/** A float that a node gives, or what the operator takes where it does not. */
export function floatOf(node: OnnxNode, name: string, otherwise: number): number {
  const found = node.attributes.get(name);
  return found?.kind === 'float' ? found.value : otherwise;
}

/** A text that a node gives, or what the operator takes where it does not. */
export function textOf(node: OnnxNode, name: string, otherwise: string): string {
  const found = node.attributes.get(name);
  return found?.kind === 'string' ? found.value : otherwise;
}
