import { countOf, quoted } from '../../format/problems';
import type { Checkpoint } from '../../format/checkpoint';
import { cancelled, success, type Result } from '../../protocol/result';
import { isFloating } from '../../format/onnx/element-types';
import { valuesOfTensor } from '../onnx/tensor-values';
import type { ModelGraph } from '../model-graph';
import { graphFinding } from '../problems';
import { commonPrefixes } from './common-prefix';
import { digestOf, type Digest } from './digest';
import { listed, place, push, tensorsByValues, type Digests, type Matching } from './matching';
import { placeShared } from './shared-weights';
import { splitInitializers } from './split-shared';
import { repeatsOf, tie } from './tied-weights';
import type { Unplaced, WeightMap } from './weight-map';
import { checkpointSource } from './weight-source';

/** Values of float16 or bfloat16 differ from those of float32 by less than this share of their norm. */
const ROUNDING = 2 ** -7;
/**
 * Finds out which floating-point initializer of a graph is which tensor of the checkpoint it was exported from: by name
 * (a prefix aside) where the values agree, then by values, W or Wᵀ. An initializer that the exporter shares between equal
 * tensors is split. Names whose values differ although others agree were changed by the exporter (a BatchNorm folded into
 * a convolution) and are not placed; where no values agree at all, the graph is of another checkpoint and names alone
 * decide. A tensor that the exporter wrote out twice (tied embeddings) is made one again. Reads all weights once. Fails as reading does, or with `cancelled`.
 */
export async function matchWeights(
  graph: ModelGraph,
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<Result<WeightMap>> {
  const floating = [...graph.initializers.values()].filter(({ type }) => isFloating(type));
  const tensors = checkpoint.tensors.filter(({ span }) => /^(F|BF)\d/.test(span.dtype));
  const matching: Matching = {
    graph,
    checkpoint,
    placements: [],
    findings: [],
    openTensors: new Map(tensors.map((entry) => [entry.name, entry])),
    openInitializers: new Set(floating.map(({ name }) => name)),
    shared: new Map(),
  };
  const digests = await digestsOf(matching, signal);
  if (!digests.ok) return digests;
  const named = await placeByName(matching, digests.value);
  if (!named.ok) return named;
  placeByValues(matching, digests.value);
  placeShared(matching, digests.value);
  const repeats = repeatsOf(matching, digests.value);
  for (const { initializer } of repeats) matching.openInitializers.delete(initializer);
  const split = splitInitializers(graph, matching.shared);
  if (!split.ok) return split;
  const tied = tie(split.value, repeats);
  return tied.ok ? success({ ...summary(matching), graph: tied.value }) : tied;
}

async function digestsOf(matching: Matching, signal: AbortSignal | undefined): Promise<Result<Digests>> {
  const { graph, checkpoint } = matching;
  const initializers = new Map<string, Digest>();
  for (const name of matching.openInitializers) {
    if (signal?.aborted === true) return cancelled();
    const tensor = graph.initializers.get(name);
    if (tensor === undefined) continue;
    const values = await valuesOfTensor(tensor, graph.path);
    if (!values.ok) return values;
    initializers.set(name, digestOf(values.value, tensor.shape));
  }
  const source = checkpointSource(checkpoint);
  const tensors = new Map<string, Digest>();
  for (const [name, { span }] of matching.openTensors) {
    if (signal?.aborted === true) return cancelled();
    const values = await source.load(name);
    if (!values.ok) return values;
    tensors.set(name, digestOf(values.value, span.shape));
  }
  return success({ initializers, tensors });
}

async function placeByName(matching: Matching, digests: Digests): Promise<Result<null>> {
  const { graph, openTensors } = matching;
  const prefixes = commonPrefixes([...matching.openInitializers], [...openTensors.keys()]);
  const differing: { initializer: string; tensor: string }[] = [];
  let agreeing = 0;
  for (const initializer of [...matching.openInitializers]) {
    if (!initializer.startsWith(prefixes.graph)) continue;
    const tensor = prefixes.checkpoint + initializer.slice(prefixes.graph.length);
    const entry = openTensors.get(tensor);
    const weight = graph.initializers.get(initializer);
    if (entry === undefined || weight === undefined) continue;
    const [inGraph, stored] = [digests.initializers.get(initializer), digests.tensors.get(tensor)];
    const transposed = inGraph?.plain !== stored?.plain && inGraph?.plain === stored?.transposed;
    if (inGraph?.plain === stored?.plain || transposed) {
      place(matching, { initializer, tensor, transposed, evidence: 'name and values' });
      agreeing++;
      continue;
    }
    if (weight.shape.join() === entry.span.shape.join()) {
      const close = await isClose(matching, initializer, tensor);
      if (!close.ok) return close;
      if (!close.value) differing.push({ initializer, tensor });
      else {
        place(matching, { initializer, tensor, transposed: false, evidence: 'name and values' });
        agreeing++;
      }
    }
  }
  settleDiffering(matching, differing, agreeing);
  return success(null);
}

/** Names that agree where values do not: all of them, and it is another checkpoint; some, and the exporter changed them. */
function settleDiffering(
  matching: Matching,
  differing: readonly { initializer: string; tensor: string }[],
  agreeing: number,
): void {
  if (differing.length === 0) return;
  const { path } = matching.graph;
  if (agreeing > 0) {
    for (const { initializer, tensor } of differing) {
      const message = `${path}: the weight ${quoted(initializer)} has other values than the tensor of that name in ${matching.checkpoint.path}.`;
      matching.findings.push(graphFinding('graph-weight-differs', path, message, tensor));
    }
    return;
  }
  for (const each of differing) place(matching, { ...each, transposed: false, evidence: 'name' });
  const message = `${path}: ${countOf(differing.length, 'weight')} ${differing.length === 1 ? 'has' : 'have'} the name of a tensor of ${matching.checkpoint.path}, none has its values.`;
  matching.findings.push(graphFinding('graph-other-checkpoint', path, message));
}

async function isClose(matching: Matching, initializer: string, tensor: string): Promise<Result<boolean>> {
  const weight = matching.graph.initializers.get(initializer);
  if (weight === undefined) return success(false);
  const inGraph = await valuesOfTensor(weight, matching.graph.path);
  if (!inGraph.ok) return inGraph;
  const stored = await checkpointSource(matching.checkpoint).load(tensor);
  if (!stored.ok) return stored;
  let difference = 0;
  let squares = 0;
  for (const [i, x] of stored.value.entries()) {
    difference += ((inGraph.value[i] ?? 0) - x) ** 2;
    squares += x * x;
  }
  return success(Math.sqrt(difference) < ROUNDING * Math.sqrt(squares));
}

/** One initializer and one tensor of equal values, both the only ones. */
function placeByValues(matching: Matching, digests: Digests): void {
  const initializers = grouped(
    [...matching.openInitializers],
    (name) => digests.initializers.get(name)?.plain,
  );
  const tensors = tensorsByValues(matching, digests);
  // As they are before transposed: a tied weight may be there both ways.
  for (const turned of [false, true]) {
    for (const [digest, names] of initializers) {
      const [match, ...others] = tensors.get(digest) ?? [];
      const [initializer, ...alike] = names;
      if (match?.transposed !== turned || initializer === undefined) continue;
      if (others.length > 0 || alike.length > 0 || !matching.openTensors.has(match.tensor)) continue;
      place(matching, { initializer, ...match, evidence: 'values' });
    }
  }
}

function summary(matching: Matching): Omit<WeightMap, 'graph'> {
  const { graph, openTensors, openInitializers, placements } = matching;
  const unplaced = [...openInitializers].map((initializer): Unplaced => {
    const shape = graph.initializers.get(initializer)?.shape ?? [];
    return { initializer, shape, reason: 'no tensor of the checkpoint has its name or its values' };
  });
  const named = new Set(
    matching.findings.flatMap(({ code, at }) => (code === 'graph-weight-differs' ? (at ?? '') : [])),
  );
  const leftOver = [...openTensors.keys()];
  const folded = leftOver.filter((name) => !named.has(name));
  const findings = [...matching.findings];
  if (folded.length > 0) {
    const message = `${graph.path}: no weight of the graph is ${listed(folded)} of ${matching.checkpoint.path}.`;
    findings.push(graphFinding('graph-weight-folded', graph.path, message, folded[0]));
  }
  return { placements, unplaced, leftOver, findings };
}

function grouped(
  names: readonly string[],
  key: (name: string) => string | undefined,
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) push(groups, key(name) ?? '', name);
  return groups;
}
