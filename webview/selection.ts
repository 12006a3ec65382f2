import type { AxisEntry, Table, TableCell } from '../src/protocol/artifact';
import type { Selection } from '../src/protocol/panel';

const PLACES = ['layer', 'module', 'head', 'tensor', 'task'] as const;

/** What an entry of an axis, a point, a leaf or a line says of its place; `null` where it says nothing. */
export function placeOf(entry: Partial<AxisEntry>): Selection | null {
  const found = Object.fromEntries(
    PLACES.flatMap((name) => (entry[name] === undefined ? [] : [[name, entry[name]]])),
  );
  if (Object.keys(found).length === 0) return null;
  return { ...found, ...(entry.label !== undefined && entry.layer !== undefined && { label: entry.label }) };
}

/**
 * Whether an entry stands for a selection: both name a layer, module, head, tensor or task, and in none that both name do they differ.
 * Nothing stands for no selection.
 */
export function matchesEntry(entry: Partial<AxisEntry>, selection: Selection | null): boolean {
  if (!selection) return false;
  const shared = PLACES.filter((name) => entry[name] !== undefined && selection[name] !== undefined);
  return shared.length > 0 && shared.every((name) => entry[name] === selection[name]);
}

/**
 * Tells for rows of a table whether they stand for a selection, by the columns called as its parts are (`row` holds the key of a
 * layer, `a` and `b` a pair of tasks); `null` where no column is.
 */
export function rowMatcher(
  table: Table,
  selection: Selection | null,
): ((cells: readonly TableCell[]) => boolean) | null {
  if (!selection) return null;
  const index = (name: string) => table.columns.findIndex((column) => column.name === name);
  const tests = wantedCells(selection, index).filter(({ at }) => at.some((column) => column >= 0));
  if (tests.length === 0) return null;
  return (cells) =>
    tests.every(({ at, values }) =>
      at.some((column) => column >= 0 && values.includes(String(cells[column]))),
    );
}

function wantedCells(
  selection: Selection,
  index: (name: string) => number,
): { readonly at: readonly number[]; readonly values: readonly string[] }[] {
  const { layer, module, head, tensor, task, label } = selection;
  const layerAt = index('row') >= 0 ? index('row') : index('layer');
  const taskAt = index('task') >= 0 ? [index('task')] : [index('a'), index('b')];
  return [
    ...(layer === undefined ? [] : [{ at: [layerAt], values: [layer, label ?? layer] }]),
    ...(module === undefined ? [] : [{ at: [index('module')], values: [module] }]),
    ...(head === undefined ? [] : [{ at: [index('head')], values: [String(head)] }]),
    ...(tensor === undefined ? [] : [{ at: [index('tensor')], values: [tensor] }]),
    ...(task === undefined ? [] : [{ at: taskAt, values: [task] }]),
  ];
}

/** What a row of a table says of its place, by the same columns; `null` where it says nothing. */
export function placeOfRow(table: Table, cells: readonly TableCell[]): Selection | null {
  const read = (name: string): string | undefined => {
    const cell = cells[table.columns.findIndex((column) => column.name === name)];
    return cell === undefined || cell === null ? undefined : String(cell);
  };
  const head = read('head');
  const entry = {
    layer: read('row') ?? read('layer'),
    module: read('module'),
    tensor: read('tensor'),
    task: read('task'),
    label: read('layer'),
    head: head === undefined || !Number.isInteger(Number(head)) ? undefined : Number(head),
  };
  const known = Object.entries(entry).filter(([, value]) => value !== undefined);
  return placeOf(Object.fromEntries(known));
}

/** A selection in words: `layer 3 · attention.query · rot90`. */
export function selectionText(selection: Selection): string {
  const { label, layer, module, head, tensor, task } = selection;
  const parts = [
    label ?? layer,
    module,
    head === undefined ? undefined : `head ${String(head)}`,
    tensor,
    task,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}
