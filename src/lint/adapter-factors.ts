import type { TensorEntry } from '../format/checkpoint';
import { parsePeftTensorName } from '../model/peft-names';

/** What an adapter stores for one module; `a` is r × inputs, `b` is outputs × r. */
export interface ModuleFactors {
  readonly module: string;
  readonly a: TensorEntry | null;
  readonly b: TensorEntry | null;
  readonly magnitude: TensorEntry | null;
  /** An embedding's factors: `a` is r × rows, `b` is columns × r of the base's weight. */
  readonly embedding: boolean;
}

/** LoRA factors of an adapter by module, in the order of the file. Other tensors are left out. */
export function factorsOf(tensors: readonly TensorEntry[]): ReadonlyMap<string, ModuleFactors> {
  const modules = new Map<string, ModuleFactors>();
  for (const tensor of tensors) {
    const name = parsePeftTensorName(tensor.name);
    const factor = name && /^lora_(?:(embedding)_)?(A|B|magnitude_vector)$/.exec(name.factor);
    if (!factor) continue;
    const known = modules.get(name.module) ?? {
      module: name.module,
      a: null,
      b: null,
      magnitude: null,
      embedding: factor[1] !== undefined,
    };
    const side = factor[2] === 'A' ? 'a' : factor[2] === 'B' ? 'b' : 'magnitude';
    modules.set(name.module, { ...known, [side]: known[side] ?? tensor });
  }
  return modules;
}

/** The rank that the factors have, by `a` or else by `b`; `null` where neither is there or has such a dimension. */
export function storedRank({ a, b }: ModuleFactors): number | null {
  return a?.span.shape[0] ?? b?.span.shape[1] ?? null;
}
