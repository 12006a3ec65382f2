import { graphFinding } from '../problems';
import type { OnnxNode } from '../../format/onnx/types';
import type { Digests, Matching } from './matching';
import { listed, place, push, tensorsByValues } from './matching';
import { tellApart, type Told } from './sites';
import { useKey } from './split-shared';

/**
 * Places equal tensors: one initializer that the exporter made of several, or several initializers whose names say
 * nothing. Runs over them again, since what is placed tells its neighbours; the order of the layers comes last.
 */
export function placeShared(matching: Matching, digests: Digests): void {
  const known = new KnownUses(matching);
  for (const byOrder of [false, false, true]) {
    const groups = [...tensorsByValues(matching, digests)];
    // Matrices before vectors: a bias is told by the weight beside it.
    groups.sort(([, a], [, b]) => dimensions(b, matching) - dimensions(a, matching));
    for (const [digest, open] of groups) placeGroup(matching, digests, digest, open, known, byOrder);
  }
}

/** Which tensor is known to be used where. */
class KnownUses {
  private readonly byUse = new Map<string, string>();
  private readonly byName: Map<string, string>;

  constructor(matching: Matching) {
    this.byName = new Map(matching.placements.map(({ initializer, tensor }) => [initializer, tensor]));
  }

  readonly at = (node: OnnxNode, slot: number): string | undefined =>
    this.byUse.get(useKey(node, slot)) ?? this.byName.get(node.inputs[slot] ?? '');

  /** The tensor of an initializer that was thought to be one only; from now on each use is told for itself. */
  release(initializer: string): string | undefined {
    const own = this.byName.get(initializer);
    this.byName.delete(initializer);
    return own;
  }

  add(told: ReadonlyMap<string, Told>): void {
    for (const [tensor, { uses }] of told) {
      for (const { node, slot } of uses) this.byUse.set(useKey(node, slot), tensor);
    }
  }
}

type Open = readonly { readonly tensor: string; readonly transposed: boolean }[];

function placeGroup(
  matching: Matching,
  digests: Digests,
  digest: string,
  open: Open,
  known: KnownUses,
  byOrder: boolean,
): void {
  const { graph } = matching;
  const left = open.filter(({ tensor }) => matching.openTensors.has(tensor));
  const initializers = [...digests.initializers].flatMap(([name, { plain }]) =>
    plain === digest ? [name] : [],
  );
  if (initializers.length === 0 || left.length === 0) return;
  const own = initializers.flatMap((name) => known.release(name) ?? ownOf(matching, name));
  const uses = initializers.flatMap((name) => graph.uses.get(name) ?? []).filter(({ slot }) => slot >= 0);
  const names = [...new Set([...own, ...left.map(({ tensor }) => tensor)])];
  const told = tellApart(graph, uses, names, known.at, byOrder);
  known.add(told);
  for (const [tensor, { uses: itsUses, by }] of told) {
    const match = left.find((one) => one.tensor === tensor);
    if (match === undefined) continue;
    const evidence = by === 'module' ? 'values and module' : 'values and order';
    const stems = new Set(itsUses.map(({ node, slot }) => node.inputs[slot] ?? ''));
    const [initializer = ''] = stems;
    const name = freeName(matching, tensor, initializer);
    // The tensor may be used through several initializers: all its uses get the one new name.
    push(matching.shared, initializer, { name, uses: itsUses });
    place(matching, { initializer: name, tensor, transposed: match.transposed, evidence });
    for (const stem of stems) matching.openInitializers.delete(stem);
  }
  const lost = left.filter(({ tensor }) => !told.has(tensor)).map(({ tensor }) => tensor);
  if (!byOrder || lost.length === 0) return;
  const message = `${graph.path}: ${listed(lost)} have the values of one weight, and it cannot be told where the graph uses which.`;
  matching.findings.push(graphFinding('graph-weight-ambiguous', graph.path, message, lost[0]));
}

function ownOf(matching: Matching, initializer: string): readonly string[] {
  const own = matching.placements.find((placement) => placement.initializer === initializer);
  return own === undefined ? [] : [own.tensor];
}

function dimensions(open: Open, matching: Matching): number {
  return matching.openTensors.get(open[0]?.tensor ?? '')?.span.shape.length ?? 0;
}

function freeName(matching: Matching, tensor: string, initializer: string): string {
  const { initializers, producers } = matching.graph;
  return initializers.has(tensor) || producers.has(tensor) ? `${initializer}~${tensor}` : tensor;
}
