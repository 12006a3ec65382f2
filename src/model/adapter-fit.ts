import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { AdapterModule } from './adapter-modules';
import { bestNameChange, changeName } from './base-tensor';

/** Where the factors of a module belong in a base. */
export type ModuleFit =
  | { readonly kind: 'fits'; readonly target: TensorEntry; readonly transposed: boolean }
  | { readonly kind: 'missing' }
  | { readonly kind: 'shape'; readonly target: TensorEntry };

/** Finds the base tensor of each module of an adapter, whatever prefix base or adapter use. Same order as `modules`. */
export function fitModules(
  modules: readonly AdapterModule[],
  base: Checkpoint,
  fanInFanOut: boolean,
): readonly ModuleFit[] {
  const byName = new Map(base.tensors.map((entry) => [entry.name, entry]));
  const names = modules.map(({ module }) => module);
  const change = bestNameChange(names, (module) => targetOf(byName, module) !== undefined);
  return modules.map((module) => {
    const name = changeName(module.module, change);
    const target = name === null ? undefined : targetOf(byName, name);
    if (!target) return { kind: 'missing' };
    const transposed = orientation(module, target.span.shape, fanInFanOut);
    return transposed === null ? { kind: 'shape', target } : { kind: 'fits', target, transposed };
  });
}

/** A parameter is found as `module.weight`; a bare one (`experts.gate_up_proj`) by its own name. */
function targetOf(byName: ReadonlyMap<string, TensorEntry>, module: string): TensorEntry | undefined {
  return byName.get(`${module}.weight`) ?? byName.get(module);
}

/**
 * Whether the base stores the weight as [in, out] (`Conv1D` of GPT-2, embeddings) where B·A is [out, in]; `null`
 * where neither fits. The shape decides; a square weight leaves it to the configuration, in which PEFT notes
 * `fan_in_fan_out` for such layers.
 */
export function orientation(
  module: AdapterModule,
  shape: readonly number[],
  fanInFanOut: boolean,
): boolean | null {
  const rows = module.b.span.shape[0];
  const columns = module.a.span.shape[1];
  if (shape.length !== 2) return null;
  const straight = shape[0] === rows && shape[1] === columns;
  const turned = shape[0] === columns && shape[1] === rows;
  // An embedding's factors are always stored transposed: lora_embedding_A is r × tokens, B is width × r.
  if (module.embedding) return turned ? true : null;
  if (straight && turned) return fanInFanOut;
  if (straight) return false;
  return turned ? true : null;
}
