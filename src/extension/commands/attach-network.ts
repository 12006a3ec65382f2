import * as vscode from 'vscode';
import { success, type Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickData } from './pick-data';
import { pickGraph } from './pick-graph';
import { pickStudy } from './pick-study';
import { studyText } from '../study-document';
import { pathsOf } from './targets';
import { writeAttachment } from './write-attachment';

/** Lets the user choose an ONNX graph and data sets that fit a study, and writes them into its file. */
export const attachNetwork: Command = {
  id: 'deltalens.attachNetwork',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const found = await studyFor(context, given.value);
    if (!found) return;
    if (!found.ok) return showProblem(found.problem);
    const study = found.value;
    const graph = await pickGraph(context, study);
    if (graph === undefined) return;
    const data = await pickData(context, study, graph);
    if (!data) return;
    await writeAttachment(context, study, { ...(graph === study.graph ? {} : { graph }), data });
  },
};

/** The study that was clicked, that of the panel in front, that of the editor in front, or one that the user picks. */
async function studyFor(
  context: DeltalensContext,
  [given]: readonly string[],
): Promise<Result<StudySpec> | undefined> {
  if (given !== undefined && isStudyFile(given)) return readStudyAsShown(context, given);
  const panel = context.results.active?.study;
  if (panel) return panel.file === undefined ? success(panel) : readStudyAsShown(context, panel.file);
  const edited = vscode.window.activeTextEditor?.document.uri.fsPath;
  if (edited !== undefined && isStudyFile(edited)) return readStudyAsShown(context, edited);
  const picked = await pickStudy(context);
  return picked?.ok === true && picked.value.file !== undefined
    ? readStudyAsShown(context, picked.value.file)
    : picked;
}

/** Reads a study as an editor shows it, saved or not. */
function readStudyAsShown({ client }: DeltalensContext, path: string): Promise<Result<StudySpec>> {
  const text = studyText(path);
  return client.request('deltalens/readStudy', { path, ...(text === null ? {} : { text }) });
}

function isStudyFile(path: string): boolean {
  return /\.study\.ya?ml$/i.test(path);
}
