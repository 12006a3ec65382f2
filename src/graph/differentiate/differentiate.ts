import { quoted } from '../../format/problems';
import { success, type Result } from '../../protocol/result';
import { GraphDraft } from '../graph-draft';
import { keyOf } from '../lower/lowering';
import { LOWERINGS } from '../lower/registry';
import { needsOf, titleOf, type ModelGraph } from '../model-graph';
import { isFloating } from '../../format/onnx/element-types';
import { valuesInMemory } from '../onnx/tensor-values';
import type { OnnxNode } from '../../format/onnx/types';
import { refuse } from '../problems';
import type { TracedGraph } from '../trace';
import { Emitter, type Term } from './emitter';
import { RULES } from './registry';
import type { RuleContext } from './rule';

/** A node that no gradient can pass, and what depends on it. */
export interface Obstacle {
  readonly node: OnnxNode;
  /** Why, in words that continue "the node X". */
  readonly reason: string;
  /** Values whose gradient is not to be had because of it. */
  readonly targets: readonly string[];
}

/** A graph that computes gradients beside its own outputs. */
export interface Differentiated {
  readonly graph: ModelGraph;
  /** The value that is `∂ objective / ∂ target`, by target. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Targets that the objective does not depend on: their gradient is zero. */
  readonly unconnected: readonly string[];
  readonly obstacles: readonly Obstacle[];
}

/**
 * Reverse-mode differentiation by graph rewriting: adds nodes that compute the gradient of the scalar `objective` with
 * respect to `targets` (initializers, inputs or inner values) out of standard operators. A target whose gradient has to
 * pass a node without a rule is left out, and the node named; the others are right. Shapes are those of the trace, so the
 * graph that comes out is for inputs of these sizes. Fails with `graph-objective` where the objective is no scalar, or
 * as making a graph does.
 */
export function differentiate(
  traced: TracedGraph,
  objective: string,
  targets: readonly string[],
): Result<Differentiated> {
  const { graph, shapes } = traced;
  const size = shapes.get(objective)?.reduce((product, length) => product * length, 1);
  if (size !== 1) {
    const shape = shapes.get(objective)?.join(', ') ?? 'unknown';
    const message = `${graph.path}: the objective ${quoted(objective)} is no single number but of the shape [${shape}].`;
    return refuse('graph-objective', graph.path, message, objective);
  }
  const reverse = new Reverse(traced, objective, targets);
  reverse.run();
  const found = reverse.found();
  const made = reverse.draft.finish();
  return made.ok ? success({ graph: made.value, ...found }) : made;
}

/** The backward pass over one graph. */
class Reverse {
  readonly draft: GraphDraft;
  private readonly emit: Emitter;
  /** Gradients that came from each use of a value so far. */
  private readonly arrived = new Map<string, Term[]>();
  /** Values that depend on a target. */
  private readonly active: ReadonlySet<string>;
  private readonly obstacles: { node: OnnxNode; reason: string; sources: ReadonlySet<string> }[] = [];
  private readonly extra = new Map<OnnxNode, Map<number, string>>();

  constructor(
    private readonly traced: TracedGraph,
    private readonly objective: string,
    private readonly targets: readonly string[],
  ) {
    this.draft = new GraphDraft(traced.graph);
    this.emit = new Emitter(this.draft);
    this.active = dependents(traced, targets);
  }

  run(): void {
    const start = this.term(this.objective);
    if (start === null || !this.active.has(this.objective)) return;
    this.arrived.set(this.objective, [this.emit.expand(this.emit.scalar(start, 1), start.shape)]);
    for (const node of [...this.traced.graph.nodes].reverse()) {
      if (
        node.outputs.some((name) => this.arrived.has(name)) &&
        needsOf(node).some((name) => this.active.has(name))
      ) {
        this.pass(node);
      }
    }
    this.addExtraOutputs();
  }

  found(): Omit<Differentiated, 'graph'> {
    const gradients = new Map<string, string>();
    const unconnected: string[] = [];
    for (const target of this.targets) {
      if (this.obstacles.some(({ sources }) => sources.has(target))) continue;
      const gradient = this.gradient(target);
      if (gradient === null) unconnected.push(target);
      else gradients.set(target, gradient.name);
    }
    const obstacles = this.obstacles.map(({ node, reason, sources }) => ({
      node,
      reason,
      targets: this.targets.filter((target) => sources.has(target)),
    }));
    return { gradients, unconnected, obstacles };
  }

  private pass(node: OnnxNode): void {
    const key = keyOf(node);
    const rule = RULES.get(key);
    if (rule === undefined) return this.block(node, 'has an operator without a rule');
    // What could not be lowered says more of why.
    if (!LOWERINGS.has(key) && node.outputs.some((name) => this.traced.varying.has(name))) {
      return this.block(node, 'makes a value whose size depends on the data', this.sizedByData(node));
    }
    const gradients = rule(this.contextOf(node));
    if (typeof gradients === 'string') return this.block(node, `cannot be differentiated: ${gradients}`);
    for (const [slot, gradient] of gradients.entries()) {
      const name = node.inputs[slot] ?? '';
      if (gradient === null || !this.active.has(name)) continue;
      const known = this.arrived.get(name);
      if (known === undefined) this.arrived.set(name, [gradient]);
      else known.push(gradient);
    }
  }

  /** `culprit` is what the message names; the way of gradients ends at `node`. */
  private block(node: OnnxNode, reason: string, culprit = node): void {
    this.obstacles.push({ node: culprit, reason, sources: ancestors(this.traced.graph, node) });
  }

  /** The first node on the way to this one whose output has another size for other data. */
  private sizedByData(node: OnnxNode): OnnxNode {
    const { graph, varying } = this.traced;
    const before = needsOf(node).find((name) => varying.has(name));
    const producer = before === undefined ? undefined : graph.producers.get(before);
    return producer === undefined ? node : this.sizedByData(producer);
  }

  /** The sum of what arrived from all uses. */
  private gradient(name: string): Term | null {
    const parts = this.arrived.get(name);
    const [first, ...others] = parts ?? [];
    if (first === undefined) return null;
    if (others.length === 0) return first;
    const sum = this.emit.apply('Sum', [first, ...others], first.shape);
    this.arrived.set(name, [sum]);
    return sum;
  }

  private term(name: string): Term | null {
    const [shape, type] = [this.traced.shapes.get(name), this.traced.types.get(name)];
    return name === '' || shape === undefined || type === undefined ? null : { name, shape, type };
  }

  private contextOf(node: OnnxNode): RuleContext {
    return {
      node,
      emit: this.emit,
      input: (slot) => this.term(node.inputs[slot] ?? ''),
      output: (slot) => this.term(node.outputs[slot] ?? ''),
      gradient: (slot) => this.gradient(node.outputs[slot] ?? ''),
      wants: (slot) => this.active.has(node.inputs[slot] ?? ''),
      constant: (slot) => {
        const tensor = this.traced.graph.initializers.get(node.inputs[slot] ?? '');
        const values = tensor && valuesInMemory(tensor);
        return values ? [...values] : null;
      },
      extraOutput: (slot, shape, type) => {
        const known = node.outputs[slot] ?? '';
        return { name: known === '' ? this.extraOutput(node, slot) : known, shape, type };
      },
    };
  }

  private extraOutput(node: OnnxNode, slot: number): string {
    const asked = this.extra.get(node) ?? new Map<number, string>();
    this.extra.set(node, asked);
    const name = asked.get(slot) ?? this.draft.fresh(`~${node.op}:${String(slot)}`);
    asked.set(slot, name);
    return name;
  }

  private addExtraOutputs(): void {
    for (const [node, asked] of this.extra) {
      const outputs = [...node.outputs];
      for (const [slot, name] of asked) {
        while (outputs.length <= slot) outputs.push('');
        outputs[slot] = name;
      }
      const at = this.draft.nodes.indexOf(node);
      if (at >= 0) this.draft.nodes[at] = { ...node, outputs };
    }
  }
}

/** Floating-point values that depend on a target, the targets included. */
function dependents(traced: TracedGraph, targets: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>(targets);
  for (const node of traced.graph.nodes) {
    if (!needsOf(node).some((name) => found.has(name))) continue;
    for (const name of node.outputs) {
      const type = traced.types.get(name);
      if (name !== '' && (type === undefined || isFloating(type))) found.add(name);
    }
  }
  return found;
}

/** All values that a node depends on. */
function ancestors(graph: ModelGraph, node: OnnxNode): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...needsOf(node)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === '' || found.has(name)) continue;
    found.add(name);
    const producer = graph.producers.get(name);
    if (producer !== undefined) open.push(...needsOf(producer));
  }
  return found;
}

/** One obstacle as a sentence. */
export function obstacleText(obstacle: Obstacle): string {
  const { node, reason, targets } = obstacle;
  const shown = targets.slice(0, 6).map(quoted).join(', ');
  const more = targets.length > 6 ? ` and ${String(targets.length - 6)} more` : '';
  return `The node ${titleOf(node)} ${reason}; without a gradient: ${targets.length === 0 ? 'nothing that was asked for' : shown + more}.`;
}
