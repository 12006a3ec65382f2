import * as vscode from 'vscode';
import type { AnalysisClient, ServerState } from './client';
import { Disposable } from './disposable';

/** A lens at work. */
export interface RunningJob {
  readonly title: string;
  readonly reveal: () => void;
}

/** One item in the status bar: a spinner while lenses run, an error while there is no server, else nothing. */
export class StatusBar extends Disposable {
  private readonly item = this.register(
    vscode.window.createStatusBarItem('deltalens.status', vscode.StatusBarAlignment.Left, 10),
  );
  private readonly jobs = new Map<string, RunningJob & { percent: number }>();
  private server: ServerState = 'starting';

  constructor(client: AnalysisClient) {
    super();
    this.item.name = 'Deltalens';
    this.register(
      client.onState((state) => {
        this.server = state;
        this.draw();
      }),
    );
    this.register(
      client.on('deltalens/progress', ({ job, fraction }) => {
        const running = this.jobs.get(job);
        if (!running) return;
        running.percent = Math.round(100 * fraction);
        this.draw();
      }),
    );
    this.register(
      vscode.commands.registerCommand('deltalens.revealJob', () => [...this.jobs.values()].at(-1)?.reveal()),
    );
  }

  /** Shows a job until what is returned is disposed. */
  show(job: string, running: RunningJob): vscode.Disposable {
    this.jobs.set(job, { ...running, percent: 0 });
    this.draw();
    return {
      dispose: () => {
        this.jobs.delete(job);
        this.draw();
      },
    };
  }

  private draw(): void {
    const newest = [...this.jobs.values()].at(-1);
    if (newest) {
      const others = this.jobs.size > 1 ? ` +${this.jobs.size - 1}` : '';
      this.item.text = `$(sync~spin) ${newest.title} ${newest.percent} %${others}`;
      this.item.tooltip = vscode.l10n.t('Deltalens is computing. Click to show the panel.');
      this.item.command = 'deltalens.revealJob';
      this.item.show();
    } else if (this.server === 'stopped') {
      this.item.text = '$(error) Deltalens';
      this.item.tooltip = vscode.l10n.t('The Deltalens analysis server is not running. Click to restart it.');
      this.item.command = 'deltalens.restartServer';
      this.item.show();
    } else {
      this.item.hide();
    }
  }
}
