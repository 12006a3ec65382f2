import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { fitTargets, type TargetFit } from './adapter-fit';
import type { AdapterTarget, FormedRecipe, SettledRecipe } from './adapters/family';
import { bestNameChange, changeName, sameShape } from './base-tensor';
import { isFloating, type BuiltTask } from './dense-task';
import type { AdapterDescription } from './describe-adapter';
import { asFormed, formTensor, loadFactors, type ReadSpan } from './load-delta';
import { ModelFindings } from './model-findings';
import { shapeText } from './shape-text';
import type { FactoredDelta, FormedDelta, TensorDelta } from './task-vector';

/**
 * The task vector of an adapter: `τ = s·B·A` where its kind is a product of factors (LoRA, Hu et al. 2022, and others),
 * `τ = θ − θ₀` with θ formed from base and adapter where not, and for parameters it saved whole. Without a base, modules are
 * known as `module.weight`, and whatever needs θ₀ is left out. An adapter that changes no weight gives an empty task vector
 * and a finding that says why.
 */
export function factoredTask(
  name: string,
  checkpoint: Checkpoint,
  adapter: AdapterDescription,
  base: Checkpoint | null,
  read: ReadSpan,
): BuiltTask {
  const placing = new Placing(name, checkpoint, adapter, read);
  if (adapter.refusal === null && base) placing.placeIn(base);
  if (adapter.refusal === null && !base) placing.placeAlone();
  return {
    task: {
      name,
      checkpoint,
      kind: 'factored',
      deltas: placing.deltas,
      unplaced: placing.unplaced,
      adapter: { description: adapter, placed: placing.placed },
    },
    findings: [...adapter.findings, ...placing.findings.all()],
  };
}

/** Factors of a rank beyond this share of the smaller side cost more than the weight itself. */
const MOST_FACTORED = 1 / 2;

class Placing {
  readonly deltas = new Map<string, TensorDelta>();
  readonly placed = new Map<AdapterTarget, string>();
  readonly unplaced: { tensor: string; reason: string }[];
  readonly findings: ModelFindings;

  constructor(
    private readonly name: string,
    private readonly checkpoint: Checkpoint,
    private readonly adapter: AdapterDescription,
    private readonly read: ReadSpan,
  ) {
    this.findings = new ModelFindings(checkpoint.path);
    this.unplaced = [...adapter.unplaced];
    if (adapter.refusal !== null) return;
    for (const { tensor, reason, isTold } of adapter.unplaced)
      if (!isTold) this.reportUnplaced(tensor, reason);
  }

  placeIn(base: Checkpoint): void {
    const { targets } = this.adapter;
    const fits = fitTargets(targets, base, this.fanInFanOut);
    for (const [index, target] of targets.entries()) {
      const fit = fits[index];
      if (fit) this.placeTarget(target, fit);
    }
    this.placeSaved(base);
  }

  placeAlone(): void {
    for (const target of this.adapter.targets) {
      const { recipe, embedding, module, parameter } = target;
      if (recipe.kind === 'formed' || recipe.kind === 'sized')
        this.leaveOutAll(target, 'its change can only be formed beside the base');
      else if (target.key.style === 'anonymous')
        this.leaveOutAll(target, 'the file numbers its modules and names none');
      else {
        const transposed = embedding || this.fanInFanOut;
        const name = `${module}.${parameter}`;
        // Both text encoders of a pipeline have the same modules.
        const free = this.deltas.has(name) ? `${target.key.component}.${name}` : name;
        this.deltas.set(free, this.factored(target, recipe, transposed));
        this.placed.set(target, free);
      }
    }
    for (const { entry } of this.adapter.saved)
      this.leaveOut(entry.name, 'saved whole, so it needs a base to compare with');
  }

  private get fanInFanOut(): boolean {
    return this.adapter.config?.fanInFanOut ?? false;
  }

  private placeTarget(target: AdapterTarget, fit: TargetFit): void {
    if (fit.kind === 'fits') {
      if (this.deltas.has(fit.target.name))
        return this.leaveOutAll(target, `${fit.target.name} has a change already`);
      this.deltas.set(fit.target.name, this.delta(target, fit.target, fit.transposed));
      this.placed.set(target, fit.target.name);
      if (fit.inferred) this.reportInferred(target, fit.target.name);
      return;
    }
    if (target.optional && fit.kind === 'missing') return;
    for (const { name } of target.tensors) this.unplaced.push({ tensor: name, reason: fit.reason });
    const code = fit.kind === 'missing' ? 'adapter-module-not-in-base' : 'base-shape-mismatch';
    this.findings.add(code, `${this.name}: ${target.module}: ${fit.reason}.`, target.module);
  }

  private reportInferred({ module, tensors }: AdapterTarget, placed: string): void {
    const message = `${this.name}: item ${module} of the adapter has no name; ${placed} alone has its shape.`;
    this.findings.add('adapter-tensor-inferred', message, tensors[0]?.name);
  }

  private placeSaved(base: Checkpoint): void {
    const byName = new Map(base.tensors.map((entry) => [entry.name, entry]));
    const change = bestNameChange(
      this.adapter.saved.map(({ tensor }) => tensor),
      (tensor) => byName.has(tensor),
    );
    for (const { tensor, entry } of this.adapter.saved) {
      const target = byName.get(changeName(tensor, change) ?? tensor);
      if (!target) this.leaveOut(entry.name, 'saved whole, and not in the base');
      else if (this.deltas.has(target.name)) this.leaveOut(entry.name, 'its weight has factors, too');
      else if (!sameShape(target.span.shape, entry.span.shape)) {
        const shapes = `${shapeText(entry.span.shape)} here and ${shapeText(target.span.shape)} in the base`;
        this.leaveOut(entry.name, `saved whole, ${shapes}`);
      } else if (!isFloating(entry) || !isFloating(target)) this.leaveOut(entry.name, 'not floating point');
      else this.deltas.set(target.name, { kind: 'dense', span: entry.span });
    }
  }

  private leaveOutAll({ tensors }: AdapterTarget, reason: string): void {
    for (const { name } of tensors) this.leaveOut(name, reason);
  }

  private leaveOut(tensor: string, reason: string): void {
    this.unplaced.push({ tensor, reason });
    this.reportUnplaced(tensor, reason);
  }

  private reportUnplaced(tensor: string, reason: string): void {
    this.findings.add('adapter-tensor-unplaced', `${this.name}: ${tensor} is left out: ${reason}.`, tensor);
  }

  private delta(target: AdapterTarget, base: TensorEntry, transposed: boolean): TensorDelta {
    const { shape } = base.span;
    const own = target.recipe;
    const recipe = own.kind === 'sized' ? own.at(transposed ? [...shape].reverse() : shape) : own;
    if (recipe.kind === 'formed') return this.formed(target, recipe, base, transposed);
    const smaller = Math.min(shape[0] ?? 0, base.span.count / (shape[0] ?? 1));
    const tooHigh = recipe.kind === 'factored' && recipe.rank > smaller * MOST_FACTORED;
    if (tooHigh) return this.formed(target, asFormed(recipe, target.scale), base, transposed);
    return this.factored(target, recipe, transposed);
  }

  private factored(
    target: AdapterTarget,
    recipe: Exclude<SettledRecipe, FormedRecipe>,
    transposed: boolean,
  ): FactoredDelta {
    const { scale, alpha, storedRank } = target;
    const rank = recipe.kind === 'factored' ? recipe.rank : (storedRank ?? 0);
    const stored =
      recipe.kind === 'product'
        ? { a: recipe.a.span, b: recipe.b.span, transposed: recipe.turned !== transposed }
        : null;
    const load = () => loadFactors(recipe, scale, transposed, this.read);
    return { kind: 'lowRank', scale, rank, alpha, stored, ...sizeOf(target), load };
  }

  private formed(
    target: AdapterTarget,
    recipe: FormedRecipe,
    base: TensorEntry,
    transposed: boolean,
  ): FormedDelta {
    const setting = [target.title, target.rank, target.scale, transposed].join(' ');
    const name = `${this.checkpoint.path} on ${base.span.path}: ${base.name} (${setting})`;
    const load = () => formTensor(recipe, base, transposed, name, this.read);
    return { kind: 'formed', count: base.span.count, setting, ...sizeOf(target), load };
  }
}

function sizeOf({ tensors }: AdapterTarget): Pick<FactoredDelta, 'bytes' | 'parameters' | 'tensors'> {
  return {
    tensors: tensors.length,
    bytes: tensors.reduce((sum, { span }) => sum + span.bytes, 0),
    parameters: tensors.reduce((sum, { span }) => sum + span.count, 0),
  };
}
