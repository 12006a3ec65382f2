import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { attachNetwork } from './attach-network';
import { bakeIntoBase } from './bake-into-base';
import { clearBase } from './clear-base';
import { clearCache } from './clear-cache';
import type { Command } from './command';
import { compareManifests } from './compare-manifests';
import { compareSelected } from './compare-selected';
import { compareWithBase } from './compare-with-base';
import { convertLayout } from './convert-layout';
import { convertToSafetensors, stripMetadata } from './convert-to-safetensors';
import { setHubToken } from './set-hub-token';
import { showExportCommand } from './export-command';
import { exportResult } from './export-result';
import { extractAdapter } from './extract-adapter';
import { inspectCheckpoint } from './inspect-checkpoint';
import { openFromHub } from './open-from-hub';
import { openManifest } from './open-manifest';
import { openStudy } from './open-study';
import { openTrainingRun } from './open-training-run';
import { refresh } from './refresh';
import { resizeRank } from './resize-rank';
import { restartServer } from './restart-server';
import { runLens } from './run-lens';
import { selectAsBase } from './select-as-base';
import { showLog } from './show-log';
import { showSpectrum } from './show-spectrum';
import { toggleTable } from './toggle-table';

/** Every command; `package.json` has the same ones with their titles and menus. */
export const COMMANDS: readonly Command[] = [
  inspectCheckpoint,
  openFromHub,
  openManifest,
  compareManifests,
  showSpectrum,
  compareWithBase,
  compareSelected,
  selectAsBase,
  clearBase,
  runLens,
  openStudy,
  openTrainingRun,
  attachNetwork,
  bakeIntoBase,
  extractAdapter,
  resizeRank,
  convertLayout,
  convertToSafetensors,
  stripMetadata,
  showExportCommand,
  exportResult,
  toggleTable,
  refresh,
  setHubToken,
  restartServer,
  clearCache,
  showLog,
];

/** Registers every command. What a command throws is a bug: it is logged, and VS Code shows it. */
export function registerCommands(context: DeltalensContext): vscode.Disposable {
  return vscode.Disposable.from(
    ...COMMANDS.map(({ id, run }) =>
      vscode.commands.registerCommand(id, async (...given: unknown[]) => {
        try {
          await run(context, ...given);
        } catch (error) {
          context.log.error(`${id} failed.`, error);
          throw error;
        }
      }),
    ),
  );
}
