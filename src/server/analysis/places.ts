import type { TensorEntry } from '../../format/checkpoint';
import { compareModules, compareRows, networkOrder, placeOf, rowLabel } from '../../model/naming';
import type { Place } from '../../model/place';
import type { PlaceNode } from '../../protocol/explorer';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { placeInFile } from '../../tensor/span';

interface Placed {
  readonly entry: TensorEntry;
  readonly place: Place;
}

/**
 * What stands below a checkpoint in the tree: its layers in network order (with `input` and `output` around them); below
 * a layer its modules; below a module its tensors. Keys are those of the heatmap's rows and columns, and tensor names.
 * Fails as opening does.
 */
export async function places(
  { path, layer, module }: RequestParams<'deltalens/places'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/places'>> {
  const opened = await context.directories.open(path);
  if (!opened.ok) return opened;
  const all = opened.value.tensors.map((entry) => ({ entry, place: placeOf(entry.name) }));
  if (layer === undefined) return success(layersOf(all));
  const inLayer = all.filter(({ place }) => place.row === layer);
  if (module === undefined) return success(modulesOf(inLayer));
  return success(tensorsOf(inLayer.filter(({ place }) => place.module === module)));
}

function layersOf(all: readonly Placed[]): PlaceNode[] {
  const groups = groupBy(all, ({ place }) => place.row);
  return [...groups]
    .sort(([a], [b]) => compareRows(a, b))
    .map(([row, group]) => groupNode('layer', row, rowLabel(row), group));
}

function modulesOf(inLayer: readonly Placed[]): PlaceNode[] {
  const groups = groupBy(inLayer, ({ place }) => place.module);
  return [...groups]
    .sort(([a], [b]) => compareModules(a, b))
    .map(([module, group]) => groupNode('module', module, module, group));
}

function tensorsOf(placed: readonly Placed[]): PlaceNode[] {
  const byName = new Map(placed.map(({ entry }) => [entry.name, entry]));
  return networkOrder([...byName.keys()]).flatMap((name) => {
    const span = byName.get(name)?.span;
    if (!span) return [];
    const detail = `${placeInFile(span).label} [${span.shape.join(', ')}]`;
    return [
      {
        kind: 'tensor',
        label: name,
        key: name,
        parameters: span.count,
        bytes: placeInFile(span).bytes,
        detail,
      },
    ];
  });
}

function groupBy(placed: readonly Placed[], keyOf: (placed: Placed) => string): Map<string, Placed[]> {
  const groups = new Map<string, Placed[]>();
  for (const each of placed) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}

function groupNode(
  kind: 'layer' | 'module',
  key: string,
  label: string,
  group: readonly Placed[],
): PlaceNode {
  const parameters = group.reduce((sum, { entry }) => sum + entry.span.count, 0);
  const bytes = group.reduce((sum, { entry }) => sum + placeInFile(entry.span).bytes, 0);
  const detail = `${String(group.length)} tensor${group.length === 1 ? '' : 's'}`;
  return { kind, label, key, parameters, bytes, detail };
}
