import type { TensorEntry } from '../../format/checkpoint';
import type { Layout, ModuleKey, ModuleTensors } from './family';
import { ENDINGS } from './registry';
import { parseTensorKey } from './tensor-key';

/** The tensors of an adapter by what they are. */
export interface SortedTensors {
  readonly modules: readonly (ModuleTensors & { readonly layout: Layout })[];
  /** Parameters of the base that were saved whole, by their names there. */
  readonly saved: readonly { readonly tensor: string; readonly entry: TensorEntry }[];
  /** Made when it is asked for: of a whole model it is all of it, and nobody asks. */
  readonly unknown: () => readonly { readonly entry: TensorEntry; readonly reason: string }[];
}

/** Parameters that trainers save whole beside factors under the base's own names. */
const PARAMETER = /\.(?:weight|bias)$/;

/** Sorts tensors into modules by their names. Reads nothing. */
export function sortTensors(tensors: readonly TensorEntry[]): SortedTensors {
  const modules = new Map<string, { key: ModuleKey; layout: Layout; parts: Map<string, TensorEntry> }>();
  const saved: { tensor: string; entry: TensorEntry }[] = [];
  const unknown: { entry: TensorEntry; reason: string }[] = [];
  const unread: TensorEntry[] = [];
  for (const entry of tensors) {
    const parsed = parseTensorKey(entry.name, ENDINGS);
    if (!parsed) unread.push(entry);
    else if (parsed.kind === 'saved') saved.push({ tensor: parsed.tensor, entry });
    else {
      const { key, layout, part } = parsed;
      const id = `${key.component}/${key.style}/${key.module}`;
      const known = modules.get(id);
      // An alpha is written in the same way beside every kind of factors.
      const decides = !known || known.parts.has('alpha');
      const module = {
        key,
        layout: decides ? layout : known.layout,
        parts: known?.parts ?? new Map<string, TensorEntry>(),
      };
      modules.set(id, module);
      if (module.parts.has(part))
        unknown.push({ entry, reason: `${key.module} has more than one tensor "${part}"` });
      else module.parts.set(part, entry);
    }
  }
  // loralib saves what else was trained under the base's own names.
  const isLoralib = [...modules.values()].some(({ layout }) => layout === 'loralib');
  const isSaved = ({ name }: TensorEntry) => isLoralib && PARAMETER.test(name);
  if (isLoralib) saved.push(...unread.filter(isSaved).map((entry) => ({ tensor: entry.name, entry })));
  return {
    modules: [...modules.values()],
    saved,
    unknown: () => [
      ...unknown,
      ...unread.filter((entry) => !isSaved(entry)).map((entry) => ({ entry, reason: reasonOf(entry) })),
    ],
  };
}

function reasonOf({ name }: TensorEntry): string {
  return /^<[^>]+>$/.test(name)
    ? 'the vector of a new word, no change of a weight'
    : 'not a name of a tensor that adapters have';
}

/** Tensors that stand for the whole adapter, by their part: they have a module that no other tensor has, or none. */
export function sharedParts({ modules }: SortedTensors): ReadonlyMap<string, TensorEntry> {
  const shared = new Map<string, TensorEntry>();
  for (const { parts } of modules) {
    for (const [part, entry] of parts) if (part.startsWith('shared.')) shared.set(part, entry);
  }
  return shared;
}
