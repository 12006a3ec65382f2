import type { Study } from '../model/study';
import type { Note, Table, TableCell, TableColumn } from '../protocol/artifact';
import {
  addBands,
  bandFigures,
  NO_BAND,
  type BandCuts,
  type BandFigures,
  type BandSums,
  type BandTensor,
} from './band-pass';
import { percent, wholeText } from './wording';

/** Which tensors count. */
export const BAND_COVERAGE =
  'Counted: every floating-point tensor that a fine-tune shares with the base; of an adapter the tensors that it targets, with s·B·A formed.';

/** Where the cuts are, as a sentence. */
export function cutsText({ keep, drop, byRow }: BandCuts): string {
  const where = byRow ? 'In every row (a tensor of one dimension as a whole)' : 'In every tensor';
  return `${where} the largest ${percent(drop)} are dropped and the next ${percent(keep)} kept.`;
}

const FIGURES: readonly (TableColumn & { readonly name: keyof BandFigures })[] = [
  { name: 'density', title: 'Density', type: 'share' },
  { name: 'energy', title: 'Energy kept', type: 'share' },
  { name: 'outliers', title: 'Energy of the largest', type: 'share' },
];

function cellsOf(sums: BandSums): TableCell[] {
  const figures = bandFigures(sums);
  return FIGURES.map(({ name }) => figures[name]);
}

/** Every tensor of every task, tasks one after the other, tensors in network order. */
export function bandTable(study: Study, byTask: readonly (readonly BandTensor[])[], cuts: BandCuts): Table {
  return {
    kind: 'table',
    id: 'bands',
    title: 'Bands',
    caption: `${cutsText(cuts)} ${BAND_COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      ...FIGURES,
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'count', title: 'Entries', type: 'integer' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: study.tasks.flatMap(({ name }, task) =>
      (byTask[task] ?? []).map(({ base, place, sums }): TableCell[] => [
        name,
        base.name,
        ...cellsOf(sums),
        place.layer,
        place.module,
        base.span.count,
        place.row,
      ]),
    ),
  };
}

/** Every task over all of its tensors. */
export function bandTaskTable(
  study: Study,
  byTask: readonly (readonly BandTensor[])[],
  cuts: BandCuts,
): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Tasks',
    caption: `All tensors of a task together. ${cutsText(cuts)} ${BAND_COVERAGE}`,
    columns: [{ name: 'task', title: 'Task', type: 'text' }, ...FIGURES],
    rows: study.tasks.map(({ name }, task): TableCell[] => [name, ...cellsOf(total(byTask[task] ?? []))]),
  };
}

function total(tensors: readonly BandTensor[]): BandSums {
  return tensors.reduce((sum, { sums }) => addBands(sum, sums), NO_BAND);
}

const TASKS_SHOWN = 12;
/** Entries that hold so many times their share of ‖τ‖² are outliers; normally distributed changes stay below. */
const OUTLIERS = 6;

/** What the cuts leave of each task, and whether they fit. */
export function bandNote(study: Study, byTask: readonly (readonly BandTensor[])[], cuts: BandCuts): Note {
  const lines = study.tasks
    .slice(0, TASKS_SHOWN)
    .map(({ name }, task) => `${name}: ${taskText(total(byTask[task] ?? []), cuts)}.`);
  const more = study.tasks.length - TASKS_SHOWN;
  return {
    kind: 'note',
    id: 'advice',
    title: 'What the cuts leave',
    severity: 'information',
    role: 'recommendation',
    text: [
      cutsText(cuts),
      ...lines,
      ...(more > 0 ? [`The table "tasks" has ${wholeText(more)} more.`] : []),
      'Limits: energy is not accuracy. Outliers may be what a task needs; compare merges with and without them on validation data.',
    ].join('\n'),
  };
}

function taskText(sums: BandSums, { drop }: BandCuts): string {
  const { density, energy, outliers } = bandFigures(sums);
  if (density === null || energy === null || outliers === null) return 'nothing changed';
  const smallest = Math.max(0, 1 - energy - outliers);
  const held = `${percent(density)} of the entries keep ${percent(energy)} of ‖τ‖²; the largest hold ${percent(outliers)}, the smallest ${percent(smallest)}`;
  if (drop === 0) return held;
  return outliers > OUTLIERS * drop
    ? `${held}. A few large changes dominate: dropping them changes this task strongly, so try a smaller "drop" first`
    : `${held}. No outliers stand out: little is gained by dropping the largest`;
}
