import * as vscode from 'vscode';
import type { StudyPanelState } from '../../protocol/panel';
import type { RunSpec, StudySpec } from '../../protocol/study';
import { Disposable } from '../disposable';
import { readPanelState, studyKey } from './panel-state';
import { StudyPanel, type StudyPanelSurroundings } from './study-panel';
import { webviewOptions } from './webview-page';

export const RESULT_PANEL = 'deltalens.result';

/** All study panels: one per study, restored after a window reload. */
export class StudyPanels extends Disposable implements vscode.WebviewPanelSerializer {
  private readonly open = new Set<StudyPanel>();
  private readonly unreadable = this.register(new vscode.EventEmitter<void>());
  /** Fires when a panel of the window before the reload could not be restored and was closed. */
  readonly onUnreadable = this.unreadable.event;

  constructor(private readonly around: StudyPanelSurroundings) {
    super();
    this.register(vscode.window.registerWebviewPanelSerializer(RESULT_PANEL, this));
  }

  /** The panel in front. */
  get active(): StudyPanel | undefined {
    return [...this.open].find((panel) => panel.isActive);
  }

  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  /** Shows the result of a run: in the panel of its study, or in a new one. */
  show({ lens, study, parameters }: RunSpec): void {
    const same = [...this.open].find((panel) => studyKey(panel.study) === studyKey(study));
    if (same) {
      if (study.file !== undefined) same.replaceStudy(study);
      same.reveal();
      return same.add(lens, parameters);
    }
    const panel = vscode.window.createWebviewPanel(
      RESULT_PANEL,
      study.name,
      vscode.ViewColumn.Active,
      webviewOptions(this.around.extension),
    );
    this.adopt(panel, { study, cards: [] }).add(lens, parameters);
  }

  /** Shows what has been written into a study in every panel of it. */
  replaceStudy(before: StudySpec, after: StudySpec): void {
    for (const panel of this.open) {
      const { study } = panel;
      const isSame =
        study.file === undefined ? studyKey(study) === studyKey(before) : study.file === after.file;
      if (isSame) panel.replaceStudy(after);
    }
  }

  /** Called by VS Code for each panel of the window before the reload. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const known = readPanelState(state);
    if (known) {
      this.adopt(panel, known);
    } else {
      panel.dispose();
      this.unreadable.fire();
    }
    return Promise.resolve();
  }

  /** Whether the window that was reloaded had panels, restored by now or still to be. */
  static hadAny(): boolean {
    return vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .some(
        (tab) => tab.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith(RESULT_PANEL),
      );
  }

  private adopt(panel: vscode.WebviewPanel, state: StudyPanelState): StudyPanel {
    const adopted = new StudyPanel(panel, state, this.around);
    this.open.add(adopted);
    panel.onDidDispose(() => {
      this.open.delete(adopted);
      adopted.dispose();
    });
    return adopted;
  }
}
