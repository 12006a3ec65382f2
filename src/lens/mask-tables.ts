import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Note, Table, TableCell } from '../protocol/artifact';
import { MASK_COVERAGE } from './mask-figures';
import type { MaskSums } from './mask-sums';
import { SCOPES_CAPTION, type Scope } from './scopes';
import { percent } from './wording';

/** Density of every task's mask in every scope. */
export function densityTable(study: Study, scopes: readonly Scope<MaskSums>[], leftOut: string): Table {
  const places = scopes.map(placeCells);
  return {
    kind: 'table',
    id: 'density',
    title: 'Density of masks',
    caption: `Share of the entries in a task's mask. ${MASK_COVERAGE} ${SCOPES_CAPTION}${leftOut}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'density', title: 'Density', type: 'share' },
      { name: 'error', title: 'Reconstruction error', type: 'number' },
      { name: 'tensor', title: 'Tensor', type: 'text', hidden: true },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: study.tasks.flatMap(({ name: task }, index) =>
      scopes.map(({ name, sums }, at): TableCell[] => [
        task,
        name,
        sums.density(index),
        sums.error(index),
        ...(places[at] ?? []),
      ]),
    ),
  };
}

/** Tensor, layer, module and heatmap row of a scope, as far as it has them. */
function placeCells({ kind, name }: Scope<MaskSums>): TableCell[] {
  if (kind === 'all') return [null, null, null, null];
  if (kind === 'layer') return [null, name, null, name];
  const { layer, module, row } = placeOf(name);
  return [name, layer, module, row];
}

/** Overlap of every two masks, each pair in both directions. */
export function overlapTable(study: Study, all: MaskSums): Table {
  const names = study.tasks.map(({ name }) => name);
  return {
    kind: 'table',
    id: 'overlap',
    title: 'Overlap of masks',
    caption: `Over the whole model. Containment is the share of the first task's mask that lies in the other's. ${MASK_COVERAGE}`,
    columns: [
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'iou', title: 'IoU', type: 'share' },
      { name: 'containment', title: 'Containment', type: 'share' },
    ],
    rows: names.flatMap((a, i) =>
      names.flatMap((b, j): TableCell[][] => (i === j ? [] : [[a, b, all.iou(i, j), all.containment(i, j)]])),
    ),
  };
}

/** Share of the entries in the masks of exactly k tasks. */
export function histogramTable(all: MaskSums): Table {
  const kinds = ['catastrophic', 'selfish'];
  return {
    kind: 'table',
    id: 'histogram',
    title: 'In how many masks an entry is',
    caption: MASK_COVERAGE,
    columns: [
      { name: 'tasks_on', title: 'Tasks', type: 'integer' },
      { name: 'share', title: 'Share of entries', type: 'share' },
      { name: 'kind', title: 'Kind', type: 'text' },
    ],
    rows: all.histogram().map((share, k): TableCell[] => [k, share, kinds[k] ?? 'shared']),
  };
}

/** How well a mask on the sum gives a task's own vector back. */
export function reconstructionTable(study: Study, all: MaskSums, lambdas: readonly number[]): Table {
  return {
    kind: 'table',
    id: 'reconstruction',
    title: 'Reconstruction',
    caption: `‖m∘τ_MTL − τ‖ / ‖τ‖ over the whole model. An error near 1 in norm may still keep most of the accuracy. ${MASK_COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'error', title: 'Reconstruction error', type: 'number' },
      { name: 'lambda', title: 'λ', type: 'number' },
      { name: 'density', title: 'Density', type: 'share' },
    ],
    rows: study.tasks.map(({ name }, task): TableCell[] => [
      name,
      all.error(task),
      lambdas[task] ?? null,
      all.density(task),
    ]),
  };
}

/** What the masks say about merging. */
export function maskNote(study: Study, all: MaskSums, lambdas: readonly number[]): Note {
  const { catastrophic, selfish, shared } = all.shares();
  const lines =
    catastrophic === null || selfish === null || shared === null
      ? ['There is no entry to compare.']
      : [
          `${percent(catastrophic)} of the entries are in no mask (catastrophic), ${percent(selfish)} in one (selfish), ${percent(shared)} in two or more (shared).`,
          `Consensus merging with k = 2 keeps the ${percent(shared)} shared ones and sets τ_MTL to 0 elsewhere; k = 1 drops only the ${percent(catastrophic)} catastrophic ones. ${adviceOn(catastrophic, selfish, study.tasks.length)}`,
          ...extremes(study, all),
        ];
  const used = [...new Set(lambdas)].map(String).slice(0, 6).join(', ');
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to keep when merging',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      `Limits: all of this depends on λ (here ${used}). Choose it for each task by accuracy on validation data from 0.2 to 0.6; the reconstruction error is least at λ = 1 whatever the tasks are, and so cannot choose it.`,
    ].join('\n'),
  };
}

/** Where so many entries serve one task only, dropping them costs that task. */
const MANY = 0.3;

function adviceOn(catastrophic: number, selfish: number, tasks: number): string {
  if (catastrophic >= MANY)
    return 'So many catastrophic entries say that the tasks cover each other: drop them (k = 1) before anything else.';
  if (selfish >= MANY && tasks > 2)
    return 'Many entries belong to one task alone: try k = 1 beside k = 2, or store the masks and keep every task whole.';
  return 'Most entries serve several tasks: k = 2 removes little that a task needs.';
}

function extremes(study: Study, all: MaskSums): string[] {
  const densities = study.tasks
    .flatMap(({ name }, task) => {
      const density = all.density(task);
      return density === null ? [] : [{ name, density }];
    })
    .sort((x, y) => x.density - y.density);
  const [least] = densities;
  const most = densities.at(-1);
  if (!least || !most || least === most) return [];
  return [
    `The sum keeps the most of ${most.name} (density ${percent(most.density)}) and the least of ${least.name} (${percent(least.density)}): a smaller λ for ${least.name} gives it back more.`,
  ];
}
