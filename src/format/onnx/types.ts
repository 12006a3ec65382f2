import type { ElementType } from './element-types';

/** Where the values of a tensor are: little-endian, C order. */
export type TensorData =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array }
  /**
   * Not loaded: `bytes` bytes at byte `offset` of the file at `path`. `stored` is the element type there, where the
   * tensor is to be had in another.
   */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly offset: number;
      readonly bytes: number;
      readonly stored?: ElementType;
    };

/** A tensor that a model holds: an initializer, or the value of a constant. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  readonly data: TensorData;
}

/** A sparse initializer; without indices where these cannot be had. */
export interface OnnxSparse {
  readonly name: string;
  readonly values: OnnxTensor;
  readonly indices: OnnxTensor | null;
  readonly shape: readonly number[];
}

/** The value of an attribute. Whole numbers beyond ±(2^53 − 1) are held at that bound. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  /** Inside a function: the attribute of this name of the node that calls it. */
  | { readonly kind: 'reference'; readonly value: string }
  /** A kind that is neither read nor written: sparse tensors, types, lists of tensors or graphs. */
  | { readonly kind: 'other' };

/** One application of an operator. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** `''` for the standard operators (also spelt `ai.onnx`). */
  readonly domain: string;
  /** An empty name stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** The module of the source code that the exporter says this came from; missing where it says nothing. */
  readonly scope?: string;
}

/** A named value with what the model declares of its type. */
export interface ValueInfo {
  readonly name: string;
  /** `null` where it is not declared, or is no tensor. */
  readonly type: ElementType | null;
  /** Numbers, names of open dimensions, and `null` for unnamed open ones; `null` where nothing is declared. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** A function that a model defines: a node of this domain and name stands for its body. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** Defaults of attributes that a caller may leave out. */
  readonly defaults: ReadonlyMap<string, Attribute>;
}

export interface OnnxModel {
  /** Absolute path of the file; `''` for a model made in memory. */
  readonly path: string;
  readonly irVersion: number;
  readonly producer: string;
  /** `metadata_props`, where there are any. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** Versions of the operator sets, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
}
