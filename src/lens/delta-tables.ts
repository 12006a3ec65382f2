import { shapeText } from '../model/adapter';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Table, TableCell } from '../protocol/artifact';
import { figureCells, figureColumns } from './delta-metrics';
import type { ProfiledTensor } from './delta-notes';
import { addProfiles, figuresOf, type ProfileSums } from './profile-sums';

/** Which tensors of the base count for a task. */
export const COVERAGE =
  'Counted: every floating-point tensor that a fine-tune shares with the base; of an adapter the tensors that it targets.';

/** One row per tensor and task, tasks one after the other, tensors in network order. */
export function tensorTable(
  study: Study,
  byTask: readonly (readonly ProfiledTensor[])[],
  epsilon: number,
): Table {
  const rows = study.tasks.flatMap(({ name }, task) =>
    (byTask[task] ?? []).map(({ base, place, factored, sums }): TableCell[] => [
      base.name,
      name,
      place.layer,
      place.module,
      shapeText(base.span.shape),
      base.span.dtype,
      base.span.count,
      ...figureCells(figuresOf(sums), epsilon),
      place.row,
      factored,
    ]),
  );
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    caption: COVERAGE,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'dtype', title: 'Dtype', type: 'text' },
      { name: 'count', title: 'Entries', type: 'integer' },
      ...figureColumns(epsilon),
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
      { name: 'factored', title: 'Factored', type: 'boolean', hidden: true },
    ],
    rows,
  };
}

/** Sums per key, in the order in which keys first appear. */
export function sumBy(
  tensors: readonly ProfiledTensor[],
  keyOf: (place: Place) => string,
): Map<string, ProfileSums> {
  const sums = new Map<string, ProfileSums>();
  for (const tensor of tensors) {
    const key = keyOf(tensor.place);
    const before = sums.get(key);
    sums.set(key, before ? addProfiles(before, tensor.sums) : tensor.sums);
  }
  return sums;
}

/** One row per layer and task, the whole task vector (`all`) first. */
export function layerTable(
  study: Study,
  byTask: readonly (readonly ProfiledTensor[])[],
  epsilon: number,
): Table {
  const rows = study.tasks.flatMap(({ name }, task) => {
    const tensors = byTask[task] ?? [];
    const scopes = [...sumBy(tensors, () => 'all'), ...sumBy(tensors, ({ layer }) => layer)];
    return scopes.map(([layer, sums]): TableCell[] => [
      name,
      layer,
      sums.tensors,
      sums.count,
      ...figureCells(figuresOf(sums), epsilon),
    ]);
  });
  return {
    kind: 'table',
    id: 'layers',
    title: 'Layers',
    caption: `Tensors of a layer taken as one vector; "all" is the whole task vector, "(other)" what stands in no numbered layer. ${COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'tensors', title: 'Tensors', type: 'integer' },
      { name: 'count', title: 'Entries', type: 'integer' },
      ...figureColumns(epsilon),
    ],
    rows,
  };
}

/** How ‖τ‖² divides among attention, MLP, norms, embeddings and heads. */
export function energyTable(study: Study, byTask: readonly (readonly ProfiledTensor[])[]): Table {
  const rows = study.tasks.flatMap(({ name }, task) => {
    const tensors = byTask[task] ?? [];
    const total = tensors.reduce((sum, { sums }) => sum + sums.deltaSquares, 0);
    return [...sumBy(tensors, ({ role }) => role)].map(([role, sums]): TableCell[] => [
      name,
      role,
      sums.tensors,
      sums.count,
      total > 0 ? sums.deltaSquares / total : null,
      figuresOf(sums).relative,
    ]);
  });
  return {
    kind: 'table',
    id: 'energy',
    title: 'Energy by role',
    caption: `Share of ‖τ‖² by the role of a module in the network. ${COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'role', title: 'Role', type: 'text' },
      { name: 'tensors', title: 'Tensors', type: 'integer' },
      { name: 'count', title: 'Entries', type: 'integer' },
      { name: 'energy_share', title: 'Share of ‖τ‖²', type: 'share' },
      { name: 'relative', title: 'Relative norm', type: 'number' },
    ],
    rows,
  };
}
