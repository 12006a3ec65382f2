import * as vscode from 'vscode';
import type { LensDescription } from '../../protocol/lens';
import { success, type Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { StudyFacts } from '../../protocol/study-facts';
import type { DeltalensContext } from '../context';
import { defaultParameters } from '../lens-registry';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { lackFor, type Lack } from '../../protocol/lens-fit';
import { pickStudy, readStudy } from './pick-study';
import { studyWithoutAsking } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

/** Lets the user pick a lens for what is selected, for the result in front, or for a study of the workspace. */
export const runLens: Command = {
  id: 'deltalens.runLens',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const study = await studyFor(context, given.value);
    if (!study) return;
    if (!study.ok) return showProblem(study.problem);
    const lenses = await context.lenses.all();
    if (!lenses.ok) return showProblem(lenses.problem);
    const facts = await context.client.request('deltalens/studyFacts', { study: study.value });
    const lens = await pickLens(lenses.value, study.value, facts.ok ? facts.value : null);
    if (!lens) return;
    context.results.show({ lens: lens.id, study: study.value, parameters: defaultParameters(lens) });
  },
};

async function studyFor(
  context: DeltalensContext,
  given: readonly string[],
): Promise<Result<StudySpec> | undefined> {
  const active = context.results.active;
  if (given.length === 0 && active) return success(active.study);
  const paths = given.length > 0 ? given : pathsInFront(context);
  const [first] = paths;
  if (first === undefined) return pickStudy(context);
  return /\.study\.ya?ml$/.test(first) ? readStudy(context, first) : studyWithoutAsking(context, paths);
}

interface LensItem extends vscode.QuickPickItem {
  readonly lens?: LensDescription;
}

async function pickLens(
  lenses: readonly LensDescription[],
  study: StudySpec,
  facts: StudyFacts | null,
): Promise<LensDescription | undefined> {
  const lackOf = (lens: LensDescription) => lackFor(lens.needs, study, facts);
  const fitting = lenses.filter((lens) => lackOf(lens) === null);
  const others = lenses.filter((lens) => !fitting.includes(lens));
  const chosen = await vscode.window.showQuickPick<LensItem>(
    [
      ...fitting.map((lens) => ({ label: lens.title, description: lens.id, detail: lens.summary, lens })),
      ...(others.length > 0 ? [separator(vscode.l10n.t('need more than this study has'))] : []),
      ...others.map((lens) => lackingItem(lens, lackOf(lens))),
    ],
    {
      title: vscode.l10n.t('Run Lens on {0}', study.name),
      placeHolder: vscode.l10n.t('Which lens?'),
      matchOnDescription: true,
      matchOnDetail: true,
    },
  );
  const lack = chosen?.lens && lackOf(chosen.lens);
  if (chosen?.lens && lack) {
    void tellLack(chosen.lens, lack, study);
    return undefined;
  }
  return chosen?.lens;
}

/** What is lacking, with what can be done about it at once. */
async function tellLack({ title }: LensDescription, lack: Lack, study: StudySpec): Promise<void> {
  const attach = vscode.l10n.t('Attach Graph and Data…');
  const buttons = lack.lack === 'data' && study.file !== undefined ? [attach] : [];
  const chosen = await vscode.window.showInformationMessage(`${title}: ${lackText(lack)}.`, ...buttons);
  if (chosen !== attach || study.file === undefined) return;
  await vscode.commands.executeCommand('deltalens.attachNetwork', vscode.Uri.file(study.file));
}

function lackingItem(lens: LensDescription, lack: Lack | null): LensItem {
  return {
    label: `$(circle-slash) ${lens.title}`,
    description: lack ? lackText(lack) : '',
    detail: lens.summary,
    lens,
  };
}

function separator(label: string): LensItem {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function lackText(lack: Lack): string {
  switch (lack.lack) {
    case 'base':
      return vscode.l10n.t('needs a base');
    case 'tasks':
      return vscode.l10n.t('needs at least {0} tasks', lack.minimum);
    case 'data':
      return vscode.l10n.t('needs a graph and data');
    case 'run':
      return vscode.l10n.t('needs a training run');
    case 'experts':
      return vscode.l10n.t('needs a mixture of experts');
    case 'attention':
      return vscode.l10n.t('needs attention layers');
    case 'vocabulary':
      return vscode.l10n.t('needs a token embedding or an output head');
    case 'adapter':
      return vscode.l10n.t('needs an adapter');
    case 'prompt':
      return vscode.l10n.t('needs a soft prompt');
    case 'mixture':
      return vscode.l10n.t('needs a learned mixture');
    case 'memory':
      return vscode.l10n.t('needs a memory layer or codebook');
    case 'hypernetwork':
      return vscode.l10n.t('needs a hypernetwork');
  }
}
