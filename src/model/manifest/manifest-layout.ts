import type { CheckpointView, TensorColumns } from '../../protocol/checkpoint';
import type { TextRange } from '../../protocol/finding';
import { compareModules, compareNatural, compareRows, OTHER_LAYER, placeOf } from '../naming';
import { manifestHeader } from './manifest-header';
import { writtenName } from './written-name';

/** One block of a manifest: a layer, or `input`, `output`, `(other)`; tensors by their place in the columns. */
export interface ManifestSection {
  readonly title: string;
  readonly tensors: readonly number[];
}

/**
 * The tensors in the order of a manifest: layers in network order, modules in order inside each, names in natural order.
 * Where a tensor stands depends on its name alone, so that one more tensor moves no other.
 */
export function manifestSections({
  name,
  layer,
  module: moduleOf,
}: TensorColumns): readonly ManifestSection[] {
  const rows = new Map<string, Map<string, number[]>>();
  for (const [index, each] of name.entries()) {
    const inLayer = layer[index] ?? OTHER_LAYER;
    const row = inLayer === OTHER_LAYER ? placeOf(each).row : inLayer;
    const module = moduleOf[index] ?? '';
    const modules = rows.get(row) ?? new Map<string, number[]>();
    if (modules.size === 0) rows.set(row, modules);
    const tensors = modules.get(module);
    if (tensors) tensors.push(index);
    else modules.set(module, [index]);
  }
  return [...rows]
    .sort(([a], [b]) => compareRows(a, b))
    .map(([title, modules]) => ({
      title,
      tensors: [...modules]
        .sort(([a], [b]) => compareModules(a, b))
        .flatMap(([, tensors]) => inNaturalOrder(tensors, name)),
    }));
}

/** Compares only what comes after the part that all names begin with: a layer's names differ late. */
function inNaturalOrder(tensors: readonly number[], names: readonly string[]): readonly number[] {
  const first = names[tensors[0] ?? 0] ?? '';
  let shared = first.length;
  for (const index of tensors) shared = sharedLength(first, names[index] ?? '', shared);
  // Digits count as a whole.
  while (shared > 0 && isDigit(first.charCodeAt(shared - 1))) shared--;
  const rest = tensors.map((index) => ({ index, name: (names[index] ?? '').slice(shared) }));
  return rest.sort((a, b) => compareNatural(a.name, b.name)).map(({ index }) => index);
}

function sharedLength(a: string, b: string, most: number): number {
  let length = 0;
  while (length < most && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

/**
 * Where the lines of the wanted tensors are in the manifest of a checkpoint, without making its text; those that it does
 * not have are left out. A range covers the name. The base of an adapter, where it is, makes no difference.
 */
export function manifestPlaces(
  view: CheckpointView,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, TextRange> {
  const places = new Map<string, TextRange>();
  // Below the header stand the titles of the columns.
  let line = manifestHeader(view).length + 1;
  for (const { tensors } of manifestSections(view.tensors)) {
    // An empty line and the title.
    line += 2;
    for (const index of tensors) {
      const name = view.tensors.name[index] ?? '';
      if (wanted.has(name) && !places.has(name)) {
        places.set(name, {
          start: { line, character: 0 },
          end: { line, character: writtenName(name).length },
        });
      }
      line++;
    }
  }
  return places;
}
