import * as path from 'node:path';
import * as vscode from 'vscode';
import type { GraphCandidate } from '../../protocol/attachment';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { workspaceRoots } from '../file-uri';
import { showProblem } from '../show-problem';
import { offerExportCommand } from './export-command';
import { withProgress } from './with-progress';

interface GraphItem extends vscode.QuickPickItem {
  readonly choice?: { readonly path: string } | 'browse' | 'export';
}

/**
 * Lets the user choose the graph of a study among the ONNX files of the workspace, each with the reason why it fits or does
 * not. Where there is none at all, shows how to export one instead. `undefined`: none was chosen.
 */
export async function pickGraph(context: DeltalensContext, study: StudySpec): Promise<string | undefined> {
  const found = await withProgress(
    context,
    vscode.l10n.t('Looking for ONNX graphs of {0}', study.name),
    'deltalens/findGraphs',
    { study, roots: workspaceRoots() },
  );
  if (!found.ok) {
    await showProblem(found.problem);
    return undefined;
  }
  const fitting = found.value.filter(({ fit }) => fit === 'yes');
  if (found.value.length === 0 && study.base !== undefined) {
    const none = vscode.l10n.t('No ONNX file is in the workspace. Export the base, then attach the file:');
    await offerExportCommand(context, study.base, none);
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick<GraphItem>(itemsOf(found.value, study), {
    title: vscode.l10n.t('Attach Graph and Data to {0} (1/2)', study.name),
    placeHolder:
      fitting.length > 0
        ? vscode.l10n.t('Which graph is the network of the base?')
        : vscode.l10n.t('No graph of the workspace fits the base'),
    matchOnDescription: true,
    matchOnDetail: true,
    ignoreFocusOut: true,
  });
  switch (chosen?.choice) {
    case undefined:
      return undefined;
    case 'browse':
      return browse();
    case 'export':
      if (study.base !== undefined) await offerExportCommand(context, study.base);
      return undefined;
    default:
      return chosen?.choice.path;
  }
}

function itemsOf(found: readonly GraphCandidate[], study: StudySpec): GraphItem[] {
  const fitting = found.filter(({ fit }) => fit === 'yes');
  const others = found.filter(({ fit }) => fit !== 'yes');
  const separator = (label: string) => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const more: GraphItem[] = [
    { label: vscode.l10n.t('$(terminal) Show ONNX Export Command…'), choice: 'export', alwaysShow: true },
    { label: vscode.l10n.t('$(folder-opened) Browse…'), choice: 'browse', alwaysShow: true },
  ];
  const unfit = [
    separator(vscode.l10n.t('do not fit the base')),
    ...others.map((each) => graphItem(each, study)),
  ];
  return [
    ...(fitting.length > 0 ? [separator(vscode.l10n.t('fit the base'))] : []),
    ...fitting.map((each) => graphItem(each, study)),
    ...(fitting.length > 0 && others.length > 0 ? unfit : []),
    separator(''),
    ...more,
    ...(fitting.length === 0 ? unfit : []),
  ];
}

function graphItem(candidate: GraphCandidate, { graph }: StudySpec): GraphItem {
  const folder = vscode.workspace.asRelativePath(path.dirname(candidate.path));
  const attached = candidate.path === graph ? vscode.l10n.t('attached now · ') : '';
  return {
    label: `$(${candidate.fit === 'yes' ? 'pass' : 'circle-slash'}) ${path.basename(candidate.path)}`,
    description: attached + folder,
    detail: candidate.reason,
    choice: candidate,
  };
}

async function browse(): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      title: vscode.l10n.t('Attach Graph'),
      filters: { [vscode.l10n.t('ONNX graphs')]: ['onnx'] },
    })) ?? [];
  return uri?.fsPath;
}
