import type { Finding } from '../../protocol/finding';
import type { ModelGraph } from '../model-graph';

/** How it is known which tensor of the checkpoint an initializer is. */
export type Evidence =
  /** Same name and values. */
  | 'name and values'
  /** Same name, other values: the graph was exported from another checkpoint. */
  | 'name'
  /** Same values under another name. */
  | 'values'
  /** Equal tensors that the exporter made one: told apart by the module that uses them. */
  | 'values and module'
  /** The same, told apart by the order of the layers. */
  | 'values and order';

/** An initializer of the graph and the tensor of the checkpoint that it is. */
export interface Placement {
  readonly initializer: string;
  readonly tensor: string;
  /** The graph has the transposed matrix. */
  readonly transposed: boolean;
  readonly evidence: Evidence;
}

/** A floating-point initializer that is no tensor of the checkpoint, with the reason. */
export interface Unplaced {
  readonly initializer: string;
  readonly shape: readonly number[];
  readonly reason: string;
}

/** Which weight of a graph is which tensor. */
export interface WeightMap {
  /** The graph, with an initializer of its own for every tensor that is placed. */
  readonly graph: ModelGraph;
  readonly placements: readonly Placement[];
  readonly unplaced: readonly Unplaced[];
  /** Floating-point tensors of the checkpoint that are no weight of the graph. */
  readonly leftOver: readonly string[];
  readonly findings: readonly Finding[];
}
