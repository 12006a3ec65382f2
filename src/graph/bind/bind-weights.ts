import { quoted } from '../../format/problems';
import type { Finding } from '../../protocol/finding';
import { cancelled, success, type Result } from '../../protocol/result';
import { refuse, graphFinding } from '../problems';
import { tensorValue, type TensorValue } from '../tensor-value';
import { transpose, withoutOnes } from './digest';
import type { WeightMap } from './weight-map';
import type { WeightSource } from './weight-source';

/** Feeds of a session, by initializer: the weights of one checkpoint or combination. */
export type BoundWeights = ReadonlyMap<string, TensorValue>;

/**
 * What keeps weights from being bound, found without reading a value: `graph-weight-unbound` where the source lacks a
 * tensor of the map, `graph-weight-shape` where its shape is another one.
 */
export function bindingFindings(map: WeightMap, source: WeightSource): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { initializer, tensor, transposed } of map.placements) {
    const shape = source.shapeOf(tensor);
    const wanted = map.graph.initializers.get(initializer)?.shape ?? [];
    if (shape === null) {
      const message = `${source.path} has no tensor ${quoted(tensor)}, which the graph needs.`;
      findings.push(graphFinding('graph-weight-unbound', source.path, message, tensor));
    } else if (withoutOnes(transposed ? [...shape].reverse() : shape) !== withoutOnes(wanted)) {
      const message = `${source.path}: ${quoted(tensor)} is [${shape.join(', ')}], the graph's weight is [${wanted.join(', ')}].`;
      findings.push(graphFinding('graph-weight-shape', source.path, message, tensor));
    }
  }
  return findings;
}

/**
 * Loads the weights of a source for the graph of a map, transposed where the graph has them so, in the graph's floating
 * type. Memory: all weights at once. Fails with the first of {@link bindingFindings}, `cancelled`, or as reading does.
 */
export async function bindWeights(
  map: WeightMap,
  source: WeightSource,
  signal?: AbortSignal,
): Promise<Result<BoundWeights>> {
  const [finding] = bindingFindings(map, source);
  if (finding !== undefined) {
    const code = finding.code === 'graph-weight-shape' ? 'graph-weight-shape' : 'graph-weight-unbound';
    return refuse(code, finding.path, finding.message, finding.at);
  }
  const bound = new Map<string, TensorValue>();
  for (const { initializer, tensor, transposed } of map.placements) {
    if (signal?.aborted === true) return cancelled();
    const weight = map.graph.initializers.get(initializer);
    if (weight === undefined) continue;
    const values = await source.load(tensor);
    if (!values.ok) return values;
    const [columns = 1, rows = 1] = weight.shape;
    const turned = transposed ? transpose(values.value, rows, columns) : values.value;
    bound.set(initializer, tensorValue(weight.type, weight.shape, turned));
  }
  return success(bound);
}
