import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { AdapterTarget } from './adapters/family';
import { BaseModules, type Found } from './base-modules';
import { shapeText } from './shape-text';

/** Where a target of an adapter belongs in a base, and why there. */
export type TargetFit =
  | {
      readonly kind: 'fits';
      readonly target: TensorEntry;
      readonly transposed: boolean;
      /** `matched by name`, `matched by name, dots as underscores`, `matched by shape alone`. */
      readonly reason: string;
      /** The adapter has no name for it. */
      readonly inferred: boolean;
    }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'shape'; readonly target: TensorEntry; readonly reason: string };

/**
 * Finds the base tensor of each target of an adapter, whatever prefix base or adapter use and however the adapter writes
 * names. Same order as `targets`.
 */
export function fitTargets(
  targets: readonly AdapterTarget[],
  base: Checkpoint,
  fanInFanOut: boolean,
): readonly TargetFit[] {
  const modules = new BaseModules(base, targets.map(({ key }) => key)); // prettier-ignore
  return targets.map((target) => {
    if (target.key.style === 'anonymous') return fitByShape(target, targets, base);
    const found = modules.find(target.key, target.parameter);
    return 'entry' in found ? fitTo(target, found, fanInFanOut) : { kind: 'missing', reason: found.reason };
  });
}

function fitTo(target: AdapterTarget, { entry, reason }: Found, fanInFanOut: boolean): TargetFit {
  const transposed = orientation(target, entry.span.shape, fanInFanOut);
  if (typeof transposed === 'string') return { kind: 'shape', target: entry, reason: transposed };
  return { kind: 'fits', target: entry, transposed, reason, inferred: false };
}

/** A target without a name has its place where one weight of the base alone, and no other target, has its shape. */
function fitByShape(target: AdapterTarget, all: readonly AdapterTarget[], base: Checkpoint): TargetFit {
  const text = target.shape ? `${String(target.shape.rows)}x${String(target.shape.columns)}` : 'any shape';
  const alike = all.filter(({ key, shape }) => key.style === 'anonymous' && isSameMatrix(shape, target));
  const fitting = base.tensors.filter(({ span }) => orientation(target, span.shape, false) === false);
  const [only] = fitting;
  if (target.shape && only && fitting.length === 1 && alike.length === 1)
    return {
      kind: 'fits',
      target: only,
      transposed: false,
      reason: 'matched by shape alone',
      inferred: true,
    };
  const found = fitting.length === 0 ? 'no weight' : `${String(fitting.length)} weights`;
  const reason = `the file numbers its modules and names none; ${found} of the base and ${String(alike.length)} of its items are ${text}`;
  return { kind: 'missing', reason };
}

function isSameMatrix(shape: AdapterTarget['shape'], target: AdapterTarget): boolean {
  return shape?.rows === target.shape?.rows && shape?.columns === target.shape?.columns;
}

/**
 * Whether the base stores the weight as [in, out] (`Conv1D` of GPT-2, embeddings) where ΔW is [out, in]; the reason where
 * neither fits. The shape decides; a square weight leaves it to the configuration, in which PEFT notes `fan_in_fan_out` for
 * such layers. A convolution counts as out × (in · kernel).
 */
export function orientation(
  target: AdapterTarget,
  shape: readonly number[],
  fanInFanOut: boolean,
): boolean | string {
  const { recipe } = target;
  const wanted = target.shape;
  if (!wanted) {
    if (recipe.kind !== 'formed' && recipe.kind !== 'sized') return false;
    const turned = [...shape].reverse();
    const matrix = shape.length === 2;
    const first = recipe.mismatch(fanInFanOut && matrix ? turned : shape);
    if (first === null) return fanInFanOut && matrix;
    return !fanInFanOut && matrix && recipe.mismatch(turned) === null ? true : first;
  }
  const [rows = 0, ...rest] = shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const straight = shape.length > 1 && rows === wanted.rows && columns === wanted.columns;
  const turned = shape.length === 2 && rows === wanted.columns && columns === wanted.rows;
  const reason = `ΔW is ${String(wanted.rows)}x${String(wanted.columns)}, the base’s weight is ${shapeText(shape)}`;
  // An embedding's factors are always stored transposed: lora_embedding_A is r × tokens, B is width × r.
  if (target.embedding) return turned || reason;
  const fits = straight && turned ? fanInFanOut : straight ? false : turned ? true : reason;
  if (typeof fits === 'string' || recipe.kind !== 'formed') return fits;
  return recipe.mismatch(fits ? [...shape].reverse() : shape) ?? fits;
}
