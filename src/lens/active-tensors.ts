import type { TensorEntry } from '../format/checkpoint';
import { isFloating } from '../model/dense-task';
import { networkOrder, placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Matrix, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import type { ProfiledTensor } from './delta-notes';
import type { NetworkAxes } from './network-axes';
import type { ProfileSums } from './profile-sums';

/** A trained tensor of the base, and which tasks changed it. */
export interface TensorActivity {
  readonly entry: TensorEntry;
  readonly place: Place;
  /** By task; `null` where a fine-tune lacks the tensor. */
  readonly active: readonly (boolean | null)[];
}

/**
 * Which tensors each task changes (active set of Task Adaptive Parameter Sharing, Wallingford et al. 2022): all of the
 * base, in network order. A tensor is active where an entry lies beyond ε·rms(θ₀) (with ε = 0: is not bit-identical), of
 * an adapter where its product is not 0. What an adapter does not target is inactive.
 */
export function tensorActivity(
  study: Study,
  byTask: readonly (readonly ProfiledTensor[])[],
): TensorActivity[] {
  const known = byTask.map((tensors) => new Map(tensors.map(({ base, sums }) => [base.name, sums])));
  const entries = new Map(study.base?.tensors.filter(isFloating).map((entry) => [entry.name, entry]) ?? []);
  return networkOrder([...entries.keys()]).flatMap((name) => {
    const entry = entries.get(name);
    const active = study.tasks.map(({ kind }, task) => {
      const sums = known[task]?.get(name);
      return sums ? isActive(sums) : kind === 'factored' ? false : null;
    });
    return entry ? [{ entry, place: placeOf(name), active }] : [];
  });
}

function isActive({ below, count, deltaSquares }: ProfileSums): boolean {
  // An entry that is not finite counts as changed: the base does not stand for it.
  return below === null ? deltaSquares > 0 : below < count;
}

/** Layers × tasks: the share of a layer's parameters that stand in tensors which the task changes. */
export function activityMatrix(study: Study, activity: readonly TensorActivity[], axes: NetworkAxes): Matrix {
  const shares = study.tasks.map((_, task) => rowShares(activity, task, axes));
  return {
    kind: 'matrix',
    id: 'activity',
    title: 'Changed layers',
    facets: { metric: 'changed_share' },
    caption:
      'Share of the parameters of a layer that stand in tensors which a task changes; 0 is a layer that it shares with the base. All trained tensors of the base count. "input" holds the embeddings, "output" the last norm and the head.',
    rows: axes.rows,
    columns: study.tasks.map(({ name }) => ({ label: name, task: name })),
    rowTitle: 'layer',
    columnTitle: 'task',
    values: packNumbers(axes.rows.flatMap((_, row) => shares.map((share) => share[row] ?? null))),
    unit: 'share',
    scale: 'sequential',
    domain: [0, 1],
  };
}

/** Share of changed parameters in every heatmap row; `null` where nothing is known of a row. */
export function rowShares(
  activity: readonly TensorActivity[],
  task: number,
  axes: NetworkAxes,
): (number | null)[] {
  const rows = new Map(axes.rows.map(({ layer = '' }, row) => [layer, row]));
  const counted = new Float64Array(axes.rows.length);
  const changed = new Float64Array(axes.rows.length);
  for (const { entry, place, active } of activity) {
    const row = rows.get(place.row);
    const own = active[task] ?? null;
    if (row === undefined || own === null) continue;
    counted[row] = (counted[row] as number) + entry.span.count;
    if (own) changed[row] = (changed[row] as number) + entry.span.count;
  }
  return [...counted].map((count, row) => (count > 0 ? (changed[row] as number) / count : null));
}

/** |A ∩ B| / |A ∪ B| of the tensors that two tasks change, for every pair. */
export function activityOverlap(study: Study, activity: readonly TensorActivity[]): Table {
  const sets = study.tasks.map((_, task) =>
    Uint8Array.from(activity, ({ active }) => (active[task] === true ? 1 : 0)),
  );
  const rows = study.tasks.flatMap(({ name: a }, i) =>
    study.tasks.slice(i + 1).map(({ name: b }, offset): TableCell[] => {
      const [both, either] = overlap(sets[i], sets[i + 1 + offset]);
      return [a, b, either > 0 ? both / either : null, both];
    }),
  );
  return {
    kind: 'table',
    id: 'active_overlap',
    title: 'Tensors that two tasks change',
    caption: 'Intersection over union of the sets of changed tensors; undefined where both are empty.',
    columns: [
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'iou', title: 'IoU', type: 'share' },
      { name: 'both', title: 'Tensors in both', type: 'integer' },
    ],
    rows,
  };
}

function overlap(x: Uint8Array | undefined, y: Uint8Array | undefined): readonly [number, number] {
  let both = 0;
  let either = 0;
  for (let at = 0; at < (x?.length ?? 0); at++) {
    both += (x?.[at] ?? 0) & (y?.[at] ?? 0);
    either += (x?.[at] ?? 0) | (y?.[at] ?? 0);
  }
  return [both, either];
}
