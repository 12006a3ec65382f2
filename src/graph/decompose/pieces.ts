import type { Attributes } from '../graph-draft';
import { tensorOf } from '../onnx/tensor-values';
import type { OnnxNode, OnnxTensor } from '../../format/onnx/types';

/** Collects the nodes and constants that stand for one fused node. Shapes are not known yet. */
export class Pieces {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  private count = 0;

  constructor(
    private readonly fused: OnnxNode,
    private readonly ranks: ReadonlyMap<string, number>,
  ) {}

  /** The rank that a value declares as an input of the graph; `null` for others. */
  rank(name: string): number | null {
    return this.ranks.get(name) ?? null;
  }

  /** Adds a node; its output gets `output` as its name, or a new one. */
  add(op: string, inputs: readonly string[], attributes: Attributes = {}, output = this.fresh(op)): string {
    this.many(op, inputs, [output], attributes);
    return output;
  }

  /** Adds a node with several outputs. */
  many(op: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): void {
    const name = this.fused.name === '' ? '' : `${this.fused.name}/${op}.${String(this.nodes.length)}`;
    this.nodes.push({
      name,
      op,
      domain: '',
      inputs,
      outputs,
      attributes: new Map(Object.entries(attributes)),
    });
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.constant('float32', [], [value]);
  }

  /** A vector of whole numbers. */
  integers(values: readonly number[]): string {
    return this.constant('int64', [values.length], values);
  }

  /** A new name that no graph has: it holds that of the node's first output. */
  fresh(stem: string): string {
    return `${this.fused.outputs.find((name) => name !== '') ?? ''}~${stem}~${String(this.count++)}`;
  }

  private constant(type: 'float32' | 'int64', shape: readonly number[], values: readonly number[]): string {
    const name = this.fresh('constant');
    const tensor = tensorOf(name, type, shape, values);
    if (tensor !== null) this.constants.push(tensor);
    return name;
  }
}

/** Writes a fused node as plain ones; `false` where its options are not covered, and it is left as it is. */
export type Decomposition = (node: OnnxNode, pieces: Pieces) => boolean;
