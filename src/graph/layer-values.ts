import { placeOf, OTHER_LAYER } from '../model/naming';
import { isFloating, type ElementType } from '../format/onnx/element-types';
import type { OnnxNode } from '../format/onnx/types';
import type { ModelGraph } from './model-graph';
import type { WeightMap } from './bind/weight-map';

/** Where the stream of a network enters and leaves one layer; names of values of its graph. */
export interface LayerValues {
  /** The layer as heatmaps name it (`vit.encoder.layer.3`); without numbered layers, the module. */
  readonly layer: string;
  readonly label: string;
  /** What the layer is given; `null` where nothing that depends on a weight comes before it. */
  readonly input: string | null;
  /**
   * Between attention and MLP, after the addition of what the attention made (or after the norm behind it, where that is
   * what the MLP adds to). `null` for a layer without both, or with both beside each other.
   */
  readonly middle: string | null;
  readonly output: string;
}

/**
 * The layers of a graph in the order in which they run, with the values that pass from each to the next. A layer's output
 * is what its weights have had a part in, that no later layer's have, and that a later one uses; of several such values
 * the last, as what runs along a layer (a residual stream) is made at its end. Without at least two numbered layers, every
 * module with weights is a layer, and its output that of the last node which takes one of its weights.
 * `types` are those of a trace.
 */
export function layerValues(map: WeightMap, types: ReadonlyMap<string, ElementType>): readonly LayerValues[] {
  const order = layersInOrder(map);
  if (order.length < 2) return moduleValues(map);
  const stream = new Stream(map, types, order);
  return order.flatMap(({ layer, label }, index) => {
    const output = stream.passedOn(2 * index + 1, index === order.length - 1);
    if (output === null) return [];
    return [{ layer, label, input: stream.passedOn(2 * index - 1), middle: stream.middle(index), output }];
  });
}

interface NumberedLayer {
  readonly layer: string;
  readonly label: string;
}

/** Numbered layers by the first node that takes one of their weights. */
function layersInOrder({ graph, placements }: WeightMap): readonly NumberedLayer[] {
  const first = new Map<string, { readonly at: number; readonly label: string }>();
  const positions = positionsOf(graph);
  for (const { initializer, tensor } of placements) {
    const { layer, layerLabel } = placeOf(tensor);
    if (layer === OTHER_LAYER) continue;
    const at = firstUse(graph, positions, initializer);
    const known = first.get(layer);
    if (known === undefined || at < known.at) first.set(layer, { at, label: layerLabel });
  }
  return [...first].sort(([, a], [, b]) => a.at - b.at).map(([layer, { label }]) => ({ layer, label }));
}

function positionsOf(graph: ModelGraph): ReadonlyMap<OnnxNode, number> {
  return new Map(graph.nodes.map((node, at) => [node, at]));
}

function firstUse(graph: ModelGraph, positions: ReadonlyMap<OnnxNode, number>, name: string): number {
  const uses = graph.uses.get(name) ?? [];
  return Math.min(...uses.map(({ node }) => positions.get(node) ?? Infinity), graph.nodes.length);
}

/**
 * How far the computation has come at every value: −1 before the first layer, 2k in layer k up to its MLP, 2k + 1 in its
 * MLP, and one more behind the last layer.
 */
class Stream {
  private readonly stages = new Map<string, number>();
  /** Values that depend on a weight and on an input: masks, positions and turned weights do not. */
  private readonly streaming = new Set<string>();
  private readonly fed = new Set<string>();
  private readonly weighted = new Set<string>();
  private readonly own: ReadonlyMap<string, number>;
  private readonly end: number;

  constructor(
    { graph, placements }: WeightMap,
    private readonly types: ReadonlyMap<string, ElementType>,
    order: readonly NumberedLayer[],
  ) {
    this.graph = graph;
    this.end = 2 * order.length;
    const index = new Map(order.map(({ layer }, at) => [layer, at]));
    this.own = new Map(placements.map(({ initializer, tensor }) => [initializer, ownStage(tensor, index)]));
    for (const { name } of graph.inputs) this.fed.add(name);
    for (const node of graph.nodes) this.place(node);
  }

  private readonly graph: ModelGraph;

  private place(node: OnnxNode): void {
    let stage = -1;
    let outside = false;
    let weighted = false;
    for (const name of node.inputs) {
      const weight = this.own.get(name);
      if (weight !== undefined) outside ||= weight < 0;
      weighted ||= weight !== undefined || this.weighted.has(name);
      stage = Math.max(stage, weight ?? -1, this.stages.get(name) ?? -1);
    }
    // A weight of no layer, behind the last one: the norm and the head.
    if (outside && stage >= this.end - 2) stage = this.end;
    const fed = node.inputs.some((name) => this.fed.has(name));
    for (const name of node.outputs) {
      this.stages.set(name, stage);
      if (weighted) this.weighted.add(name);
      if (fed) this.fed.add(name);
      if (fed && weighted) this.streaming.add(name);
    }
  }

  /**
   * What passes from the stage to those behind it: of the values that something behind uses, the last that is added to
   * what is made there (a residual stream); where none is, the last of all, or what it is a norm of.
   */
  passedOn(stage: number, isLast = false): string | null {
    const outputs = new Set(isLast ? this.graph.outputs.map(({ name }) => name) : []);
    const found = this.values((name, own) => {
      if (own > stage || (stage >= 0 && own < stage - 1)) return false;
      return outputs.has(name) || this.usedBehind(name, stage);
    });
    const carried = found.filter((name) => this.isCarried(name, stage)).at(-1);
    const last = found.at(-1);
    return carried ?? (last === undefined ? null : this.beforeNorm(last));
  }

  private isCarried(name: string, stage: number): boolean {
    const uses = this.graph.uses.get(name) ?? [];
    return uses.some(({ node }) => this.stageOf(node) > stage && this.joins(node, name));
  }

  /** Whether a node adds to `name` something that was made later in the stream: a bias is no such thing. */
  private joins(node: OnnxNode, name: string): boolean {
    if (node.op !== 'Add') return false;
    const other = node.inputs.find((input) => input !== name) ?? '';
    return this.streaming.has(other) && (this.stages.get(other) ?? -1) === this.stageOf(node);
  }

  /** The sum that a value was made of without weights, as those of a norm come in the next node; else the value. */
  private beforeNorm(value: string): string {
    const open = [value];
    const seen = new Set(open);
    const sums = new Set<string>();
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const node = this.graph.producers.get(name);
      if (node === undefined || node.inputs.some((input) => this.own.has(input))) return value;
      const streams = node.inputs.filter((input) => this.streaming.has(input));
      if (node.op === 'Add' && streams.length === 2 && streams[0] !== streams[1]) {
        sums.add(name);
        continue;
      }
      for (const input of streams) {
        if (seen.has(input)) continue;
        seen.add(input);
        open.push(input);
      }
    }
    const [sum] = sums;
    return sums.size === 1 && sum !== undefined ? sum : value;
  }

  /** See {@link LayerValues.middle}. */
  middle(index: number): string | null {
    const found = this.values((name, own) => {
      if (own !== 2 * index) return false;
      const uses = this.graph.uses.get(name) ?? [];
      return uses.some(({ node }) => this.stageOf(node) === 2 * index + 1 && this.joins(node, name));
    });
    const [only] = found;
    // Beside each other, attention and MLP are both added: then a value of the layer's beginning is, too.
    return found.length === 1 && only !== undefined && this.feedsMlp(only, index) ? only : null;
  }

  private values(fits: (name: string, stage: number) => boolean): readonly string[] {
    return this.graph.nodes.flatMap(({ outputs }) =>
      outputs.filter((name) => {
        const type = this.types.get(name);
        if (type === undefined || !isFloating(type) || !this.streaming.has(name)) return false;
        return fits(name, this.stages.get(name) ?? -1);
      }),
    );
  }

  private usedBehind(name: string, stage: number): boolean {
    return (this.graph.uses.get(name) ?? []).some(({ node }) => this.stageOf(node) > stage);
  }

  private stageOf(node: OnnxNode): number {
    return Math.max(-1, ...node.outputs.map((name) => this.stages.get(name) ?? -1));
  }

  /** Whether the MLP of a layer computes from a value, be it through a norm. */
  private feedsMlp(start: string, index: number): boolean {
    const seen = new Set<string>([start]);
    const open = [start];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      for (const { node } of this.graph.uses.get(name) ?? []) {
        const stage = this.stageOf(node);
        const isSum = node.op === 'Add' && name === start;
        if (stage === 2 * index + 1 && !isSum) return true;
        if (stage !== 2 * index) continue;
        for (const made of node.outputs) {
          if (seen.has(made)) continue;
          seen.add(made);
          open.push(made);
        }
      }
    }
    return false;
  }
}

/** 2k for a weight of layer k, 2k + 1 for one of its MLP, −1 for one of no numbered layer. */
function ownStage(tensor: string, index: ReadonlyMap<string, number>): number {
  const { layer, role, module } = placeOf(tensor);
  const at = index.get(layer);
  if (at === undefined) return -1;
  return role === 'mlp' || module.startsWith('mlp') ? 2 * at + 1 : 2 * at;
}

/** Modules with weights, in the order in which they run. */
function moduleValues({ graph, placements }: WeightMap): readonly LayerValues[] {
  const modules = new Map<string, Set<string>>();
  for (const { initializer, tensor } of placements) {
    const module = tensor.slice(0, Math.max(0, tensor.lastIndexOf('.')));
    modules.set(module, (modules.get(module) ?? new Set()).add(initializer));
  }
  const found = new Map<string, string>();
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs;
    for (const [module, weights] of modules) {
      if (output !== '' && takesWeight(graph, node, weights)) {
        found.delete(module);
        found.set(module, output);
      }
    }
  }
  const entries = [...found];
  return entries.map(([module, output], at) => ({
    layer: module,
    label: module,
    input: entries[at - 1]?.[1] ?? null,
    middle: null,
    output,
  }));
}

/** Directly, or through nodes that compute from weights alone (a transposition). */
function takesWeight(graph: ModelGraph, node: OnnxNode, weights: ReadonlySet<string>): boolean {
  const constant = (name: string): boolean => {
    if (graph.initializers.has(name)) return true;
    return graph.producers.get(name)?.inputs.every(constant) ?? false;
  };
  if (node.inputs.every(constant)) return false;
  const comesFrom = (name: string): boolean =>
    weights.has(name) || (constant(name) && (graph.producers.get(name)?.inputs.some(comesFrom) ?? false));
  return node.inputs.some(comesFrom);
}
