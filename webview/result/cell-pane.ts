import type { LensResult, Table } from '../../src/protocol/artifact';
import { cellDetails, detailsPane, type DetailActions } from './cell-details';
import { comparedTasks, figureOfPairs, scopesOfPair, tensorsOfCell } from './cell-tensors';
import type { ChosenCell } from './matrix-figure';
import { pairDetails } from './pair-details';
import { facetTitle } from './shown';

/**
 * What stands behind a cell: for a pair of tasks its figure per layer, for a place in the network its tensors. `onlyTask` is the task
 * where neither the matrix nor the table names one.
 */
export function cellPane(
  cell: ChosenCell,
  result: LensResult,
  onlyTask: string,
  actions: DetailActions,
): HTMLElement {
  const { matrix } = cell;
  const tasks = comparedTasks(matrix, cell.row, cell.column);
  if (tasks) {
    const pairs = tableOf(result, 'pairs');
    const scopes = scopesOfPair(pairs, tasks, scopeTitles(result));
    const line = `${figureOfPairs(pairs)?.title ?? 'Figures'} of the task vectors, whole and per layer`;
    return detailsPane(tasks.join(' · '), line, actions.close, pairDetails(tasks, scopes));
  }
  const row = matrix.rows[cell.row]?.label ?? '';
  const column = matrix.columns[cell.column]?.label ?? '';
  const tensors = tensorsOfCell(
    tableOf(result, 'tensors') ?? tableOf(result, 'bands'),
    matrix,
    cell.row,
    cell.column,
  );
  const task = matrix.facets?.['task'] ?? tensors[0]?.task ?? onlyTask;
  const count = `${String(tensors.length)} ${tensors.length === 1 ? 'tensor' : 'tensors'}`;
  const line = task ? `${task}, ${count}` : count;
  return detailsPane(`${row} · ${column}`, line, actions.close, cellDetails(tensors, task, actions));
}

function tableOf({ artifacts }: LensResult, id: string): Table | undefined {
  return artifacts.find((artifact): artifact is Table => artifact.kind === 'table' && artifact.id === id);
}

/** Readable names of the scopes that have a matrix of their own. */
function scopeTitles({ artifacts }: LensResult): ReadonlyMap<string, string> {
  const scopes = artifacts.flatMap((artifact) => artifact.facets?.['scope'] ?? []);
  return new Map([...new Set(scopes)].map((scope) => [scope, facetTitle(artifacts, 'scope', scope)]));
}
