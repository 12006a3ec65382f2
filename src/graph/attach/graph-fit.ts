import { countOf } from '../../format/problems';
import type { Checkpoint } from '../../format/checkpoint';
import type { Fit } from '../../protocol/attachment';
import { commonPrefixes } from '../bind/common-prefix';
import { isFloating } from '../../format/onnx/element-types';
import type { OnnxModel, OnnxTensor } from '../../format/onnx/types';

/** How far the weights of a graph are the tensors of a checkpoint, as names and shapes tell. */
export interface GraphFit {
  readonly fit: Fit;
  readonly reason: string;
  /** Share of the graph's numbers that are in a weight with the shape of a tensor, 0..1. */
  readonly share: number;
}

/** A graph that has this share of its numbers in shapes of the checkpoint is one of its architecture. */
const ENOUGH = 0.9;

/**
 * Compares the floating-point initializers of a model with the tensors of a checkpoint: by name (a prefix aside), else by
 * shape, W or Wᵀ, each tensor once. Values are not read: a graph of another checkpoint of the architecture fits, too,
 * and its weights are replaced when it runs.
 */
export function graphFit({ graph }: OnnxModel, { tensors }: Checkpoint): GraphFit {
  const weights = graph.initializers.filter(({ type, shape }) => isFloating(type) && sizeOf(shape) > 1);
  if (weights.length === 0) {
    return { fit: 'no', share: 0, reason: 'has no floating-point weights; it may be quantised' };
  }
  const open = new Map(tensors.map(({ name, span }) => [name, span.shape]));
  const prefixes = commonPrefixes(
    weights.map(({ name }) => name),
    [...open.keys()],
  );
  const unnamed = weights.filter(({ name, shape }) => {
    if (!name.startsWith(prefixes.graph)) return true;
    const tensor = prefixes.checkpoint + name.slice(prefixes.graph.length);
    const known = open.get(tensor);
    return known === undefined || !sameOrTransposed(known, shape) || !open.delete(tensor);
  });
  const left = unnamed.filter(({ shape }) => {
    for (const [tensor, known] of open) {
      if (sameOrTransposed(known, shape)) return !open.delete(tensor);
    }
    return true;
  });
  const total = numbersIn(weights);
  const share = 1 - numbersIn(left) / total;
  const [named, shaped] = [weights.length - unnamed.length, unnamed.length - left.length];
  if (share >= ENOUGH) return { fit: 'yes', share, reason: fitText(weights.length, named, shaped) };
  return { fit: 'no', share, reason: misfitText(weights.length, left) };
}

function fitText(all: number, named: number, shaped: number): string {
  const found = [
    ...(named > 0 ? [`${String(named)} by name`] : []),
    ...(shaped > 0 ? [`${String(shaped)} by shape`] : []),
  ].join(', ');
  return `${String(named + shaped)} of ${countOf(all, 'weight')} are tensors of the base: ${found}`;
}

function misfitText(all: number, left: readonly OnnxTensor[]): string {
  const largest = left.reduce((most, each) => (sizeOf(each.shape) > sizeOf(most.shape) ? each : most));
  const example = `${largest.name} [${largest.shape.join(', ')}]`;
  return `${String(left.length)} of ${countOf(all, 'weight')} have no counterpart in the base, such as ${example}`;
}

function numbersIn(weights: readonly OnnxTensor[]): number {
  return weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function sameOrTransposed(a: readonly number[], b: readonly number[]): boolean {
  return a.join() === b.join() || (a.length === 2 && a.join() === b.toReversed().join());
}
