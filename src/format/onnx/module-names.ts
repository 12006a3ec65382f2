import type { GraphWeight, WeightUse } from './graph-weights';
import type { OnnxNode } from './types';

/** Names that exporters make up where they have folded something: `onnx::MatMul_123`, `345`, `val_12`, `/Constant_output_0`. */
const MADE_UP = /^(?:onnx::.*|\d+|val_\d+|t_\d+|\/.*_output_\d+)$/;

/** What an input of an operator is called in a module, as far as operators and modules agree. */
const ROLES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  Conv: [undefined, 'weight', 'bias'],
  ConvTranspose: [undefined, 'weight', 'bias'],
  Gemm: [undefined, 'weight', 'bias'],
  MatMul: ['weight', 'weight'],
  Add: ['bias', 'bias'],
  BatchNormalization: [undefined, 'weight', 'bias', 'running_mean', 'running_var'],
  InstanceNormalization: [undefined, 'weight', 'bias'],
  GroupNormalization: [undefined, 'weight', 'bias'],
  LayerNormalization: [undefined, 'weight', 'bias'],
  Gather: ['weight'],
  PRelu: [undefined, 'weight'],
};

/** A name for a weight, and whether the exporter transposed it: `x·W` in the place of `x·Wᵀ`. */
export interface ModuleName {
  readonly name: string;
  readonly transposed: boolean;
}

/**
 * Names for weights whose own the exporter made up, by those: the module whose bias is added to what the weight gives, else the
 * module that the exporter noted at the node that uses it. Names that two weights would get, or that are taken, are not
 * given. What is folded into the second input of `MatMul` is the transpose of a linear layer's weight.
 */
export function moduleNames(weights: readonly GraphWeight[]): ReadonlyMap<string, ModuleName> {
  const taken = new Set(weights.map(({ name }) => name));
  const prefix = sharedPrefix(weights);
  const biases = namedBiases(weights);
  const found = new Map<string, ModuleName>();
  const given = new Map<string, number>();
  for (const { name, tensor, uses } of weights) {
    const [use, ...others] = uses;
    if (!MADE_UP.test(name) || use === undefined || others.length > 0) continue;
    const role = ROLES[use.node.op]?.[use.slot];
    if (role === undefined) continue;
    const beside = use.node.outputs.map((output) => biases.get(output)).find((each) => each !== undefined);
    const noted = moduleOf(use.node);
    const module = role === 'weight' && beside !== undefined ? beside : noted && prefix + noted;
    if (module === null || module === '') continue;
    const proposed = `${module}.${role}`;
    given.set(proposed, (given.get(proposed) ?? 0) + 1);
    const transposed = use.node.op === 'MatMul' && use.slot === 1 && tensor.shape.length === 2;
    found.set(name, { name: proposed, transposed });
  }
  for (const [name, { name: proposed }] of found) {
    if (taken.has(proposed) || given.get(proposed) !== 1) found.delete(name);
  }
  return found;
}

/** `/encoder/layer.0/query/MatMul` is in module `encoder.layer.0.query`; the namespace in a node's metadata says the same. */
function moduleOf(node: OnnxNode): string | null {
  const path = node.name.split('/').filter((part) => part !== '');
  if (node.name.startsWith('/') && path.length > 1) return path.slice(0, -1).join('.');
  const scopes = (node.scope ?? '').split('/').map((part) => part.split(':')[0]?.trim() ?? '');
  return scopes.at(-2) || null;
}

/** What stands before the noted module in the names that were kept; nothing where they do not agree. */
function sharedPrefix(weights: readonly GraphWeight[]): string {
  const prefixes = new Set<string>();
  for (const { name, uses } of weights) {
    const noted = uses[0] && moduleOf(uses[0].node);
    const module = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    if (MADE_UP.test(name) || !noted) continue;
    if (module === noted) prefixes.add('');
    else if (module.endsWith(`.${noted}`)) prefixes.add(module.slice(0, -noted.length));
  }
  const [prefix] = prefixes;
  return prefixes.size === 1 && prefix !== undefined ? prefix : '';
}

/** Modules by the values that their bias, whose name was kept, is added to. */
function namedBiases(weights: readonly GraphWeight[]): ReadonlyMap<string, string> {
  const biases = new Map<string, string>();
  for (const { name, uses } of weights) {
    if (MADE_UP.test(name) || !name.endsWith('.bias')) continue;
    for (const { node, slot } of uses)
      for (const value of othersAt({ node, slot })) biases.set(value, name.slice(0, -'.bias'.length));
  }
  return biases;
}

function othersAt({ node, slot }: WeightUse): readonly string[] {
  return node.op === 'Add' ? node.inputs.filter((_, i) => i !== slot) : [];
}
