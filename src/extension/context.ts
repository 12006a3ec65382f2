import type * as vscode from 'vscode';
import type { AnalysisClient } from './client';
import type { LocalCopies } from './copies/local-copies';
import type { LensRegistry } from './lens-registry';
import type { CheckpointEditors } from './panels/checkpoint-editor';
import type { StudyPanels } from './panels/study-panels';
import type { SelectedBase } from './selected-base';
import type { CheckpointTree } from './tree/checkpoint-tree';

/** The parts of the extension, as commands see them. */
export interface DeltalensContext {
  readonly log: vscode.LogOutputChannel;
  readonly client: AnalysisClient;
  readonly copies: LocalCopies;
  readonly lenses: LensRegistry;
  readonly base: SelectedBase;
  readonly tree: CheckpointTree;
  readonly editors: CheckpointEditors;
  readonly results: StudyPanels;
}
