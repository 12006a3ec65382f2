import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { TaskVector } from '../model/task-vector';
import type { Table } from '../protocol/artifact';
import { reasonOf, type ChangedTensor } from './extract-targets';

/** Parameters that an adapter saves whole. */
export interface SavedWhole {
  /** By their names in the base, with the values of the task. */
  readonly tensors: readonly TensorEntry[];
  /** `modules_to_save`: whole names. */
  readonly modules: readonly string[];
  /** Whether biases of modules with factors are among them. */
  readonly bias: boolean;
}

/**
 * What can be saved of the changes without factors. PEFT saves modules with all their parameters, and of modules that have
 * factors the bias; a parameter of no module (a class token) has no place, nor has one that an adapter changes by factors or a
 * formula.
 */
export function savedWhole(
  rest: readonly ChangedTensor[],
  base: Checkpoint,
  { deltas }: TaskVector,
): SavedWhole {
  const modules = new Set<string>();
  const biases = new Set<string>();
  const changed = new Set(rest.map(({ entry }) => entry.name));
  const matrices = new Set(base.tensors.flatMap(({ name, span }) => (span.shape.length > 1 ? [name] : [])));
  // Only a fine-tune has the new values; those that an adapter forms are nowhere to be copied from.
  const formed = new Set(rest.flatMap(({ entry, delta }) => (delta.kind === 'dense' ? [] : moduleOf(entry))));
  for (const { entry } of rest) {
    const [, module = '', parameter] = /^(.+)\.(weight|bias)$/.exec(entry.name) ?? [];
    if (module === '' || formed.has(module)) continue;
    const isOwn = !matrices.has(`${module}.weight`) || changed.has(`${module}.weight`);
    if (parameter === 'bias' && !isOwn) biases.add(entry.name);
    else modules.add(module);
  }
  const tensors = base.tensors.flatMap((entry) => {
    const module = moduleOf(entry);
    if (!modules.has(module) && !biases.has(entry.name)) return [];
    const delta = deltas.get(entry.name);
    return [{ name: entry.name, span: delta?.kind === 'dense' ? delta.span : entry.span }];
  });
  return { tensors, modules: [...modules], bias: biases.size > 0 };
}

/** Its name without the parameter's; empty where it belongs to none. */
function moduleOf({ name }: TensorEntry): string {
  return /^(.+)\.[^.]+$/.exec(name)?.[1] ?? '';
}

/** What has no place in the factors, and why. */
export function restTable(rest: readonly ChangedTensor[], saved: ReadonlySet<string>): Table {
  return {
    kind: 'table',
    id: 'rest',
    title: 'Changed, and not in the factors',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'reason', title: 'Why', type: 'text' },
      { name: 'norm', title: '‖τ‖', type: 'number' },
      { name: 'saved', title: 'Saved whole', type: 'boolean' },
    ],
    rows: rest.map((each) => [
      each.entry.name,
      reasonOf(each),
      Math.sqrt(each.squares),
      saved.has(each.entry.name),
    ]),
  };
}
