import type { TensorEntry } from '../format/checkpoint';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Table, TableCell, TableColumn } from '../protocol/artifact';
import { SCOPES_CAPTION, type Scope } from './scopes';
import type { SignFigures, SignSums } from './sign-sums';

/** One tensor with its figures over all tasks, and how many entries each of its tasks skips. */
export interface SignedTensor {
  readonly base: TensorEntry;
  readonly place: Place;
  readonly figures: SignFigures;
  readonly skipped: Float64Array;
}

/** Which entries count. */
export const SIGN_COVERAGE =
  'Counted: every entry of the floating-point tensors that some task has; an adapter counts as unchanged where it has no factors.';

/** conflict(i, j) of every two tasks in every scope. */
export function pairTable(study: Study, scopes: readonly Scope<SignSums>[], leftOut: string): Table {
  const names = study.tasks.map(({ name }) => name);
  const rows = scopes.flatMap(({ name: scope, sums }) =>
    names.flatMap((a, i) =>
      names.slice(i + 1).map((b, offset): TableCell[] => {
        const j = i + 1 + offset;
        return [scope, a, b, sums.conflict(i, j), sums.inBoth(i, j)];
      }),
    ),
  );
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs of tasks',
    caption: `Share of opposite signs among the entries that both tasks change. ${SCOPES_CAPTION}${leftOut}`,
    columns: [
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'conflict', title: 'Opposite signs', type: 'share' },
      { name: 'both', title: 'Changed by both', type: 'integer' },
    ],
    rows,
  };
}

const FIGURES: readonly (TableColumn & { readonly name: keyof SignFigures })[] = [
  { name: 'conflict_any', title: 'Both signs', type: 'share' },
  { name: 'index', title: 'Conflict index', type: 'number' },
  { name: 'elected_positive', title: 'Elected +', type: 'share' },
  { name: 'elected_negative', title: 'Elected −', type: 'share' },
  { name: 'elected_none', title: 'Sum is 0', type: 'share' },
  { name: 'agreeing', title: 'Agree with the election', type: 'share' },
  { name: 'inactive', title: 'Inactive', type: 'share' },
  { name: 'unique', title: 'Unique', type: 'share' },
  { name: 'shared', title: 'Shared', type: 'share' },
];

function figureCells(figures: SignFigures): TableCell[] {
  return FIGURES.map(({ name }) => figures[name]);
}

/** Figures over all tasks in every scope. */
export function scopeTable(scopes: readonly Scope<SignSums>[], epsilon: number, leftOut: string): Table {
  return {
    kind: 'table',
    id: 'scopes',
    title: 'Scopes',
    caption: `Inactive, unique and shared: entries with |τ| > ${String(epsilon)} in no task, in one, in more. Agreeing: of the changes of all tasks, those with the sign of Στ. ${SIGN_COVERAGE} ${SCOPES_CAPTION}${leftOut}`,
    columns: [{ name: 'scope', title: 'Scope', type: 'text' }, ...FIGURES],
    rows: scopes.map(({ name, sums }): TableCell[] => [name, ...figureCells(sums.figures())]),
  };
}

/** What the election of signs leaves of each task. */
export function taskTable(study: Study, [all]: readonly Scope<SignSums>[]): Table {
  const rows = study.tasks.map(({ name }, task): TableCell[] => [
    name,
    all?.sums.changedShare(task) ?? null,
    all?.sums.agreeingOf(task) ?? null,
    all?.sums.uniqueShare(task) ?? null,
  ]);
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Tasks',
    caption:
      'Over the whole model. Agreeing: of the entries that a task changes, those with the elected sign; a merge by TIES drops the others.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'changed', title: 'Changed', type: 'share' },
      { name: 'agreeing', title: 'Agree with the election', type: 'share' },
      { name: 'unique', title: 'Active in no other task', type: 'share' },
    ],
    rows,
  };
}

/** Figures over all tasks in every tensor, in network order. */
export function tensorTable(tensors: readonly SignedTensor[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    caption: SIGN_COVERAGE,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'count', title: 'Entries', type: 'integer' },
      ...FIGURES,
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: tensors.map(({ base, place, figures }): TableCell[] => [
      base.name,
      place.layer,
      place.module,
      base.span.count,
      ...figureCells(figures),
      place.row,
    ]),
  };
}
