import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Attachment, DataCandidate } from '../../protocol/attachment';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { workspaceRoots } from '../file-uri';
import { showProblem } from '../show-problem';
import { withProgress } from './with-progress';

interface DataItem extends vscode.QuickPickItem {
  readonly candidate?: DataCandidate;
}

/**
 * Lets the user choose data sets for a graph among those of the workspace, each with the reason why it fits or does not.
 * None may be chosen. `undefined`: broken off.
 */
export async function pickData(
  context: DeltalensContext,
  study: StudySpec,
  graph: string,
): Promise<Attachment['data'] | undefined> {
  const found = await withProgress(
    context,
    vscode.l10n.t('Looking for data that feed {0}', path.basename(graph)),
    'deltalens/findData',
    { study, graph, roots: workspaceRoots() },
  );
  if (!found.ok) {
    await showProblem(found.problem);
    return undefined;
  }
  const fitting = found.value.some(({ fit }) => fit !== 'no');
  const chosen = await vscode.window.showQuickPick<DataItem>(itemsOf(found.value, study), {
    title: vscode.l10n.t('Attach Graph and Data to {0} (2/2)', study.name),
    placeHolder: fitting
      ? vscode.l10n.t('Which data? The first stands in for tasks without their own')
      : vscode.l10n.t(
          'No data set of the workspace feeds {0}; confirm to attach the graph alone',
          path.basename(graph),
        ),
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
    ignoreFocusOut: true,
  });
  if (!chosen) return undefined;
  const picked = chosen.flatMap(({ candidate }) => candidate ?? []);
  tellUnfit(picked.filter(({ fit }) => fit === 'no'));
  return picked.filter(({ fit }) => fit !== 'no').map(({ name, path: file }) => ({ name, path: file }));
}

function itemsOf(found: readonly DataCandidate[], { data = [] }: StudySpec): DataItem[] {
  const attached = new Set(data.map((set) => set.path));
  const sections = [
    { label: vscode.l10n.t('fit the graph'), candidates: found.filter(({ fit }) => fit === 'yes') },
    { label: vscode.l10n.t('not looked into'), candidates: found.filter(({ fit }) => fit === 'unknown') },
    { label: vscode.l10n.t('do not fit the graph'), candidates: found.filter(({ fit }) => fit === 'no') },
  ];
  return sections.flatMap(({ label, candidates }): DataItem[] =>
    candidates.length === 0
      ? []
      : [
          { label, kind: vscode.QuickPickItemKind.Separator },
          ...candidates.map((each) => dataItem(each, attached.has(each.path))),
        ],
  );
}

const ICONS = { yes: 'pass', unknown: 'question', no: 'circle-slash' } as const;

function dataItem(candidate: DataCandidate, attached: boolean): DataItem {
  const { name, fit, reason } = candidate;
  const place = vscode.workspace.asRelativePath(candidate.path);
  return {
    label: `$(${ICONS[fit]}) ${name}`,
    description: attached ? vscode.l10n.t('attached now · {0}', place) : place,
    detail: reason,
    picked: candidate.proposed,
    candidate,
  };
}

function tellUnfit(unfit: readonly DataCandidate[]): void {
  const [first] = unfit;
  if (!first) return;
  const names = unfit.map(({ name }) => name).join(', ');
  void vscode.window.showWarningMessage(
    vscode.l10n.t('Not attached, as the graph cannot be fed with it: {0}. {1}.', names, first.reason),
  );
}
