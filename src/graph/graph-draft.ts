import type { Result } from '../protocol/result';
import type { ElementType } from '../format/onnx/element-types';
import { tensorOf } from './onnx/tensor-values';
import type { Attribute, OnnxNode, OnnxTensor, ValueInfo } from '../format/onnx/types';
import { makeGraph, type ModelGraph } from './model-graph';

export type Attributes = Readonly<Record<string, Attribute>>;

/** A graph that is being written: nodes are added at the end, names are new, equal constants are one. */
export class GraphDraft {
  readonly nodes: OnnxNode[];
  readonly initializers: Map<string, OnnxTensor>;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  private readonly taken: Set<string>;
  private readonly constants = new Map<string, string>();
  private count = 0;

  /** Begins with everything that `from` has, or with its initializers, inputs and outputs only. */
  constructor(
    private readonly from: ModelGraph,
    withNodes = true,
  ) {
    this.nodes = withNodes ? [...from.nodes] : [];
    this.initializers = new Map(from.initializers);
    this.inputs = [...from.inputs];
    this.outputs = [...from.outputs];
    this.taken = new Set([
      ...from.initializers.keys(),
      ...from.producers.keys(),
      ...from.inputs.map(({ name }) => name),
    ]);
  }

  /** A name that no value has yet. */
  fresh(stem: string): string {
    let name = stem;
    while (this.taken.has(name)) name = `${stem}~${String(this.count++)}`;
    this.taken.add(name);
    return name;
  }

  /** Adds a node with one output, and returns the name of that. */
  add(op: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    const [output = ''] = this.addMany(op, inputs, 1, attributes, domain);
    return output;
  }

  /** Adds a node with several outputs, and returns their names. */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly string[] {
    const names = Array.from({ length: outputs }, () => this.fresh(`~${op}`));
    this.addNode({
      name: '',
      op,
      domain,
      inputs,
      outputs: names,
      attributes: new Map(Object.entries(attributes)),
    });
    return names;
  }

  /** Adds a node as it is. The caller sees to it that its outputs are new. */
  addNode(node: OnnxNode): void {
    this.nodes.push(node);
    for (const name of node.outputs) this.taken.add(name);
  }

  /** A constant tensor; the same name for the same values. */
  constant(type: ElementType, shape: readonly number[], values: readonly number[]): string {
    const key = `${type}[${shape.join(',')}]${values.join(',')}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.fresh('~constant');
    const tensor = tensorOf(name, type, shape, values);
    if (tensor !== null) this.initializers.set(name, tensor);
    this.constants.set(key, name);
    return name;
  }

  /** A scalar of a floating type. */
  scalar(type: ElementType, value: number): string {
    return this.constant(type, [], [value]);
  }

  /** A vector of whole numbers: axes, shapes, starts. */
  integers(values: readonly number[]): string {
    return this.constant('int64', [values.length], values);
  }

  /** A new graph input. */
  addInput(stem: string, type: ElementType, shape: ValueInfo['shape']): string {
    const name = this.fresh(stem);
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Checks and orders what was written. Fails as {@link makeGraph} does. */
  finish(): Result<ModelGraph> {
    const { path, irVersion, opsets } = this.from;
    const { nodes, inputs, outputs, initializers } = this;
    return makeGraph({ path, irVersion, opsets, nodes, inputs, outputs, initializers });
  }
}
