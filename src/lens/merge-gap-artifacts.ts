import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Matrix, Note, Table, TableCell } from '../protocol/artifact';
import type { CrossTerms } from './cross-terms';
import { fromZero } from './domain';
import { addGaps, gapFigures, NO_GAP, type GapFigures, type GapSums, type RowGap } from './gap-sums';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { countText, shortNumber, wholeText } from './wording';

/** One tensor of one task against the merge. */
export interface TensorGap {
  readonly task: number;
  readonly tensor: string;
  readonly sums: GapSums;
  readonly worst: readonly RowGap[];
}

const SET =
  'Counted: every floating-point tensor that a task changes; an adapter and a fine-tune that lacks a tensor add nothing to the merge there.';

const METRICS = [
  {
    name: 'gap',
    title: 'Merge gap',
    unit: 'Σ⟨τᵣ, τᵣ − mᵣ⟩² / Σ‖τᵣ‖⁴',
    caption:
      'How much of a task the merge fails to reproduce along the task’s own direction, row by row: 0 all is there, 1 nothing is. Rows along the first dimension; a tensor of one dimension is one row. The objective of Wei et al. 2025; the normalisation is ours.',
  },
  {
    name: 'residual',
    title: 'Residual',
    unit: '‖τ − m‖ / ‖τ‖',
    caption:
      'Distance of the merge to the task, in units of its change; it counts what other tasks bring in, too.',
  },
] as const;

/** Layer × module heatmaps of every task. */
export function gapMatrices(study: Study, gaps: readonly TensorGap[]): Matrix[] {
  const axes = networkAxes(gaps.map(({ tensor }) => placeOf(tensor)));
  const cells = study.tasks.map((_, task) => {
    const sums = new Array<GapSums | null>(axes.rows.length * axes.columns.length).fill(null);
    for (const each of gaps) {
      if (each.task !== task) continue;
      const cell = axes.cellOf(placeOf(each.tensor));
      sums[cell] = addGaps(sums[cell] ?? NO_GAP, each.sums);
    }
    return sums.map((each) => (each ? gapFigures(each) : null));
  });
  return METRICS.flatMap(({ name, title, unit, caption }) => {
    const values = cells.map((each) => each.map((figures) => figures?.[name] ?? null));
    const domain = fromZero(values.flat());
    return study.tasks.map((task, index) =>
      networkMatrix(axes, values[index] ?? [], {
        id: `${name}:${task.name}`,
        title: `${title} · ${task.name}`,
        facets: { metric: name, task: task.name },
        caption: `${caption} ${SET} ${AXES_CAPTION}`,
        unit,
        scale: 'sequential',
        domain,
      }),
    );
  });
}

function wholeOf(gaps: readonly TensorGap[], task: number): GapFigures {
  return gapFigures(
    gaps.filter((each) => each.task === task).reduce((sum, each) => addGaps(sum, each.sums), NO_GAP),
  );
}

/** One row per task, whole. */
export function gapTasks(study: Study, gaps: readonly TensorGap[], weights: readonly number[] | null): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Tasks against the merge',
    caption: SET,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'weight', title: 'Weight', type: 'number' },
      { name: 'gap', title: 'Merge gap', type: 'number' },
      { name: 'residual', title: 'Residual', type: 'number' },
      { name: 'cosine', title: 'Cosine with the merge', type: 'number' },
    ],
    rows: study.tasks.map(({ name }, task): TableCell[] => {
      const { gap, residual, cosine } = wholeOf(gaps, task);
      return [name, weights?.[task] ?? null, gap, residual, cosine];
    }),
  };
}

/** One row per tensor and task. */
export function gapTable(study: Study, gaps: readonly TensorGap[]): Table {
  return {
    kind: 'table',
    id: 'gaps',
    title: 'Gap by tensor',
    caption: SET,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'gap', title: 'Merge gap', type: 'number' },
      { name: 'residual', title: 'Residual', type: 'number' },
      { name: 'cosine', title: 'Cosine with the merge', type: 'number' },
      { name: 'norm', title: '‖τ‖', type: 'number' },
      { name: 'layer', title: 'Layer', type: 'text', hidden: true },
      { name: 'module', title: 'Module', type: 'text', hidden: true },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: gaps.map(({ task, tensor, sums }): TableCell[] => {
      const { gap, residual, cosine } = gapFigures(sums);
      const { layer, module, row } = placeOf(tensor);
      const name = study.tasks[task]?.name ?? '';
      return [tensor, name, gap, residual, cosine, Math.sqrt(sums.squares), layer, module, row];
    }),
  };
}

const ROWS_SHOWN = 200;

/** The rows that the merge reproduces worst, over all tensors and tasks. */
export function rowTable(study: Study, gaps: readonly TensorGap[]): Table {
  const rows = gaps
    .flatMap(({ task, tensor, worst }) => worst.map((each) => ({ task, tensor, ...each })))
    .sort((a, b) => b.gap - a.gap)
    .slice(0, ROWS_SHOWN);
  return {
    kind: 'table',
    id: 'rows',
    title: 'Rows with the largest gap',
    caption: `The ${wholeText(ROWS_SHOWN)} rows with the largest ⟨τᵣ, τᵣ − mᵣ⟩², at most a few of each tensor and task.`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'row', title: 'Row', type: 'integer' },
      { name: 'gap', title: '⟨τᵣ, τᵣ − mᵣ⟩²', type: 'number' },
      { name: 'relative_gap', title: 'of ‖τᵣ‖⁴', type: 'number' },
    ],
    rows: rows.map(({ task, tensor, row, gap, squares }): TableCell[] => [
      tensor,
      study.tasks[task]?.name ?? '',
      row,
      gap,
      squares > 0 ? gap / squares ** 2 : null,
    ]),
  };
}

const TASKS_SHOWN = 8;
/** Cross terms of this share of the wanted change are no detail any more. */
const CROSS_MATTERS = 0.1;

/** In words: which tasks the merge keeps, which it loses and where, and whether factors may be merged apart. */
export function gapNote(
  study: Study,
  gaps: readonly TensorGap[],
  cross: readonly CrossTerms[],
  method: string,
): Note {
  const tasks = study.tasks
    .map(({ name }, task) => ({ name, task, ...wholeOf(gaps, task) }))
    .sort((a, b) => (b.gap ?? -1) - (a.gap ?? -1));
  const lines = tasks.slice(0, TASKS_SHOWN).map(({ name, task, gap, residual }) => {
    if (gap === null || residual === null) return `${name}: nothing changed, so there is nothing to lose.`;
    const worst = worstPlace(gaps, task);
    return `${name}: gap ${shortNumber(gap)}, residual ${shortNumber(residual)}${worst}.`;
  });
  if (tasks.length > TASKS_SHOWN)
    lines.push(`The table "tasks" has ${countText(tasks.length - TASKS_SHOWN, 'more task')}.`);
  const [first, last] = [tasks[0], tasks.at(-1)];
  const uneven = first && last && (first.gap ?? 0) > 2 * (last.gap ?? 0) && first !== last;
  return {
    kind: 'note',
    id: 'advice',
    title: `What the merge keeps · ${method}`,
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      ...(uneven
        ? [`The merge serves ${last.name} much better than ${first.name}: give ${first.name} more weight.`]
        : []),
      ...crossLines(cross),
      'Limits: the gap weighs every row by its size, not by what it does for the task. Try the merge and measure it.',
    ].join('\n'),
  };
}

function worstPlace(gaps: readonly TensorGap[], task: number): string {
  const rows = new Map<string, { label: string; sums: GapSums }>();
  for (const each of gaps) {
    if (each.task !== task) continue;
    const { row, layerLabel } = placeOf(each.tensor);
    rows.set(row, { label: layerLabel, sums: addGaps(rows.get(row)?.sums ?? NO_GAP, each.sums) });
  }
  const [worst] = [...rows.values()].sort(
    (a, b) => (gapFigures(b.sums).gap ?? 0) - (gapFigures(a.sums).gap ?? 0),
  );
  const gap = worst && gapFigures(worst.sums).gap;
  return worst && typeof gap === 'number' ? `, largest in ${worst.label} (${shortNumber(gap)})` : '';
}

function crossLines(cross: readonly CrossTerms[]): string[] {
  if (cross.length === 0) return [];
  const known = cross.flatMap(({ cross: terms, wanted }) =>
    terms === null || wanted === null ? [] : [{ terms, wanted }],
  );
  if (known.length === 0) {
    return [
      'The adapters have different ranks: their factors cannot be merged apart (PEFT "linear"). Use "cat" or "svd".',
    ];
  }
  const terms = Math.sqrt(known.reduce((sum, each) => sum + each.terms ** 2, 0));
  const wanted = Math.sqrt(known.reduce((sum, each) => sum + each.wanted ** 2, 0));
  if (!(wanted > 0)) return [];
  const share = terms / wanted;
  const advice =
    share > CROSS_MATTERS
      ? 'merge the products instead ("cat" keeps them exactly, "svd" nearly)'
      : 'merging A and B apart does little harm';
  return [`PEFT "linear" would add cross terms of ${shortNumber(share)} times the wanted change: ${advice}.`];
}
