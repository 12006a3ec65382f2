import * as vscode from 'vscode';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { defaultParameters } from '../lens-registry';
import { pickCheckpoint } from './pick-checkpoint';
import { studyWithoutAsking } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

const SPECTRUM = 'spectrum';

/**
 * Shows the singular values of a checkpoint: of what training changed where its base is known, else of its weights. Code
 * lenses name parts of tensors' names to confine it to.
 */
export const showSpectrum: Command = {
  id: 'deltalens.showSpectrum',
  async run(context, clicked, selected, tensors) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const paths = given.value.length > 0 ? given.value : pathsInFront(context);
    const picked = paths[0] ?? (await pick(context));
    if (picked === undefined) return;
    const study = await studyWithoutAsking(context, [picked]);
    if (!study.ok) return showProblem(study.problem);
    const parameters = {
      ...defaultParameters(await context.lenses.find(SPECTRUM)),
      ...(study.value.base === undefined || study.value.tasks.length === 0 ? { of: 'weights' } : {}),
      ...(typeof tensors === 'string' ? { tensors } : {}),
    };
    context.results.show({ lens: SPECTRUM, study: study.value, parameters });
  },
};

function pick(context: Parameters<Command['run']>[0]): Promise<string | undefined> {
  return pickCheckpoint(context, {
    title: vscode.l10n.t('Show Spectrum'),
    placeholder: vscode.l10n.t('Of which checkpoint or adapter?'),
  });
}
