import * as vscode from 'vscode';
import type { ResultViewState } from '../../protocol/panel';
import type { RunSpec } from '../../protocol/study';
import { Disposable } from '../disposable';
import { readPanelState, runKey } from './panel-state';
import { ResultPanel, type ResultPanelSurroundings } from './result-panel';
import { webviewOptions } from './webview-page';

export const RESULT_PANEL = 'deltalens.result';

/** All result panels: one per run, restored after a window reload. */
export class ResultPanels extends Disposable implements vscode.WebviewPanelSerializer {
  private readonly open = new Set<ResultPanel>();
  private readonly unreadable = this.register(new vscode.EventEmitter<void>());
  /** Fires when a panel of the window before the reload could not be restored and was closed. */
  readonly onUnreadable = this.unreadable.event;

  constructor(private readonly around: ResultPanelSurroundings) {
    super();
    this.register(vscode.window.registerWebviewPanelSerializer(RESULT_PANEL, this));
  }

  /** The panel in front. */
  get active(): ResultPanel | undefined {
    return [...this.open].find((panel) => panel.isActive);
  }

  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  /** Shows the result of a run: in the panel that already has it, or in a new one. */
  show(run: RunSpec): void {
    const same = [...this.open].find((panel) => runKey(panel.run) === runKey(run));
    if (same) return same.reveal();
    const panel = vscode.window.createWebviewPanel(
      RESULT_PANEL,
      run.study.name,
      vscode.ViewColumn.Active,
      webviewOptions(this.around.extension),
    );
    this.adopt(panel, run, {});
  }

  /** Called by VS Code for each panel of the window before the reload. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const known = readPanelState(state);
    if (known) {
      this.adopt(panel, known.run, known.view);
    } else {
      panel.dispose();
      this.unreadable.fire();
    }
    return Promise.resolve();
  }

  /** Whether the window that was reloaded had result panels, restored by now or still to be. */
  static hadAny(): boolean {
    return vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .some(
        (tab) => tab.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith(RESULT_PANEL),
      );
  }

  private adopt(panel: vscode.WebviewPanel, run: RunSpec, view: ResultViewState): void {
    const result = new ResultPanel(panel, run, view, this.around);
    this.open.add(result);
    panel.onDidDispose(() => {
      this.open.delete(result);
      result.dispose();
    });
  }
}
