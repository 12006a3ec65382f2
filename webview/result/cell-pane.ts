import type { LensResult, Table } from '../../src/protocol/artifact';
import { cellDetails, detailsPane, type DetailActions } from './cell-details';
import { cellFigures, figuresOfCell } from './cell-figures';
import { comparedTasks, figureOfPairs, scopesOfPair, tensorsBehind } from './cell-tensors';
import type { ChosenCell } from './matrix-figure';
import { pairDetails } from './pair-details';
import { facetTitle } from './shown';

/**
 * What stands behind a cell: for a pair of tasks its figure per layer, for a place in the network all figures of it and its tensors.
 * `onlyTask` is the task where neither the matrix nor the table names one.
 */
export function cellPane(
  cell: ChosenCell,
  result: LensResult,
  onlyTask: string,
  actions: DetailActions,
): HTMLElement {
  const { matrix } = cell;
  const tasks = comparedTasks(matrix, cell.row, cell.column);
  const pairs = tasks ? tableOf(result, 'pairs') : undefined;
  if (tasks && pairs) {
    const scopes = scopesOfPair(pairs, tasks, scopeTitles(result));
    const line = `${figureOfPairs(pairs)?.title ?? 'Figures'} of the task vectors, whole and per layer`;
    return detailsPane(tasks.join(' · '), line, actions.close, pairDetails(tasks, scopes));
  }
  const [row, column] = [matrix.rows[cell.row], matrix.columns[cell.column]];
  const tables = result.artifacts.filter((artifact) => artifact.kind === 'table');
  const tensors = tasks ? [] : tensorsBehind(tables, matrix, cell.row, cell.column);
  const named = matrix.facets?.['task'] ?? (tasks ? undefined : (row?.task ?? column?.task));
  const of = new Set(tensors.map(({ task }) => task));
  const task = named ?? (of.size === 1 ? tensors[0]?.task : undefined);
  const count = `${String(tensors.length)} ${tensors.length === 1 ? 'tensor' : 'tensors'}`;
  const line = [task ?? '', tensors.length > 0 ? count : ''].filter((part) => part !== '').join(', ');
  const figures = figuresOfCell(result.artifacts, cell);
  return detailsPane(
    `${row?.label ?? ''} · ${column?.label ?? ''}`,
    line,
    actions.close,
    // One tensor says the same of itself.
    ...(tensors.length === 1 ? [] : [cellFigures(figures)]),
    ...(tensors.length > 0 ? [cellDetails(tensors, task ?? onlyTask, actions)] : []),
  );
}

function tableOf({ artifacts }: LensResult, id: string): Table | undefined {
  return artifacts.find((artifact): artifact is Table => artifact.kind === 'table' && artifact.id === id);
}

/** Readable names of the scopes that have a matrix of their own. */
function scopeTitles({ artifacts }: LensResult): ReadonlyMap<string, string> {
  const scopes = artifacts.flatMap((artifact) => artifact.facets?.['scope'] ?? []);
  return new Map([...new Set(scopes)].map((scope) => [scope, facetTitle(artifacts, 'scope', scope)]));
}
