import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { Architecture } from '../model/architecture';
import { attentionLayout, type AttentionBlock, type AttentionLayout } from '../model/attention';
import { modelFinding } from '../model/finding-codes';
import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import type { ParameterValues } from '../protocol/lens';
import { failure, success, type Problem, type Result } from '../protocol/result';
import type { MatrixTerm } from '../tensor/matrix-source';
import { deltaTerm } from './matrix-pass';

/** One set of weights to look at head by head: the base, or θ of a task. */
export interface HeadModel {
  /** `base`, or the name of the task. */
  readonly name: string;
  readonly isBase: boolean;
  readonly checkpoint: Checkpoint;
  readonly layout: AttentionLayout;
  /** The tensors of the checkpoint that the layout is of: the base's where there is one. */
  readonly tensors: readonly TensorEntry[];
  /** The terms that add up to θ of a tensor of the layout's checkpoint; `null` where the task has none of that name and shape. */
  termsOf(entry: TensorEntry): Promise<Result<readonly MatrixTerm[]>> | null;
}

/** The models of a study, the base first. */
export interface HeadModels {
  readonly architecture: Architecture | null;
  readonly models: readonly HeadModel[];
  readonly findings: readonly Finding[];
}

/**
 * Base and tasks of a study as models of attention heads; an adapter is taken as θ₀ + s·B·A. The parameters `heads` and
 * `key_value_heads` count before config.json. Fails with `lens-needs-base` where there are adapters alone, and as
 * `attentionLayout` does where no model can be split into heads.
 */
export function headModels(study: Study, parameters: ParameterValues): Result<HeadModels> {
  const { base, tasks, architecture } = study;
  const split = {
    heads: Number(parameters['heads'] ?? 0),
    keyValueHeads: Number(parameters['key_value_heads'] ?? 0),
  };
  const layoutOf = (checkpoint: Checkpoint) => attentionLayout(checkpoint, architecture, split);
  if (base) {
    const layout = layoutOf(base);
    if (!layout.ok) return layout;
    const names = tasks.map(({ name }) => name);
    const own = baseModel(freeName(names), base, layout.value);
    const models = [own, ...tasks.filter(isUsable).map((task) => taskModel(task, own))];
    return success({ architecture, models, findings: skippedBlocks(base, layout.value) });
  }
  const whole = tasks.filter(({ kind }) => kind === 'dense');
  if (whole.length === 0) return needsBase(study);
  const models: HeadModel[] = [];
  const findings: Finding[] = [];
  const problems: Problem[] = [];
  for (const { name, checkpoint } of whole) {
    const layout = layoutOf(checkpoint);
    if (layout.ok) {
      models.push({ ...baseModel(name, checkpoint, layout.value), isBase: false });
      findings.push(...skippedBlocks(checkpoint, layout.value));
    } else problems.push(layout.problem);
  }
  const [first] = problems;
  if (models.length === 0 && first) return { ok: false, problem: first };
  return success({ architecture, models, findings: [...findings, ...problems.map(findingOf)] });
}

/** The blocks of self-attention of a model, in network order. */
export function selfAttention({ layout }: HeadModel): readonly AttentionBlock[] {
  return layout.blocks.filter(({ kind }) => kind === 'self');
}

/** A finding for an attention block that a lens leaves out. */
export function leftOut(model: HeadModel, label: string, reason: string): Finding {
  return modelFinding('attention-left-out', model.checkpoint.path, `${model.name}: ${label}: ${reason}`);
}

function baseModel(name: string, checkpoint: Checkpoint, layout: AttentionLayout): HeadModel {
  return {
    name,
    isBase: true,
    checkpoint,
    layout,
    tensors: checkpoint.tensors,
    termsOf: ({ span }) => Promise.resolve(success([{ kind: 'tensor', weight: 1, span }])),
  };
}

function taskModel(
  { name, checkpoint, kind, deltas }: TaskVector,
  { layout, tensors }: Pick<HeadModel, 'layout' | 'tensors'>,
): HeadModel {
  return {
    name,
    isBase: false,
    checkpoint,
    layout,
    tensors,
    termsOf: (entry) => {
      const own: MatrixTerm = { kind: 'tensor', weight: 1, span: entry.span };
      const delta = deltas.get(entry.name);
      if (!delta) return kind === 'factored' ? Promise.resolve(success([own])) : null;
      if (delta.kind === 'dense') {
        return Promise.resolve(success([{ kind: 'tensor', weight: 1, span: delta.span }]));
      }
      if (delta.kind === 'formed') {
        return delta
          .load()
          .then((formed) =>
            formed.ok ? success([{ kind: 'tensor', weight: 1, span: formed.value }]) : formed,
          );
      }
      return deltaTerm(entry, delta, 1).then((term) => (term.ok ? success([own, term.value]) : term));
    },
  };
}

/** An adapter that could not be read changes nothing that could be shown. */
function isUsable({ deltas }: TaskVector): boolean {
  return deltas.size > 0;
}

function skippedBlocks(checkpoint: Checkpoint, { skipped }: AttentionLayout): Finding[] {
  return skipped.map(({ label, reason }) =>
    modelFinding('attention-left-out', checkpoint.path, `${label}: ${reason}`),
  );
}

function findingOf({ code, message, action, path = '' }: Problem): Finding {
  return { code, severity: 'error', path, message, help: action };
}

function needsBase({ spec }: Study): Result<never> {
  return failure({
    code: 'lens-needs-base',
    message: `The study "${spec.name}" has only adapters: their heads are those of θ₀ + s·B·A, and there is no base.`,
    action: 'Choose the base: "Deltalens: Select as Base", or --base on the command line.',
  });
}

/** `base`, unless a task has that name. */
function freeName(taken: readonly string[]): string {
  let name = 'base';
  while (taken.includes(name)) name = `${name} (θ₀)`;
  return name;
}
