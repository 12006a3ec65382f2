import * as vscode from 'vscode';
import type { LensResult } from '../../protocol/artifact';
import type { LensDescription } from '../../protocol/lens';
import type { ExportFormat, FromResultPanel, ResultViewState, ToResultPanel } from '../../protocol/panel';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import type { TensorDetail } from '../../protocol/checkpoint';
import type { RunSpec } from '../../protocol/study';
import type { Drawn } from '../api';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import type { StatusBar } from '../status-bar';
import { saveExport } from './save-export';
import { showPage, webviewOptions } from './webview-page';

/** What a panel needs of the rest of the extension. */
export interface ResultPanelSurroundings {
  readonly extension: vscode.ExtensionContext;
  readonly client: AnalysisClient;
  readonly status: StatusBar;
  readonly drawn: vscode.EventEmitter<Drawn>;
  readonly lens: (id: string) => Promise<LensDescription | null>;
  /** Opens the checkpoint or adapter at a path with a tensor selected. */
  readonly reveal: (path: string, tensor: string) => Promise<void>;
}

/** How far the panel's run is; sent again whenever the page has to be filled anew. */
type Outcome = Extract<ToResultPanel, { type: 'progress' | 'result' | 'failed' }>;

let jobs = 0;

/**
 * One result on screen. The page may be thrown away while it is hidden, so everything it needs to be filled again is
 * kept here, and what the user has chosen in it is kept by the page's own state.
 */
export class ResultPanel extends Disposable {
  private outcome: Outcome = { type: 'progress', fraction: 0, message: '' };
  private cancellation: vscode.CancellationTokenSource | undefined;
  private ready = false;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private currentRun: RunSpec,
    private view: ResultViewState,
    private readonly around: ResultPanelSurroundings,
  ) {
    super();
    panel.webview.options = webviewOptions(around.extension);
    panel.iconPath = vscode.Uri.joinPath(around.extension.extensionUri, 'media', 'panel.svg');
    this.register(
      panel.webview.onDidReceiveMessage((message: FromResultPanel) => void this.receive(message)),
    );
    this.register({ dispose: () => this.cancellation?.cancel() });
    showPage(panel.webview, around.extension, 'result');
    void this.compute();
  }

  get run(): RunSpec {
    return this.currentRun;
  }

  get isActive(): boolean {
    return this.panel.active;
  }

  /** Whether the run has ended well, so that there is something to export. */
  get hasResult(): boolean {
    return this.outcome.type === 'result';
  }

  /** Brings the panel to the front. */
  reveal(): void {
    this.panel.reveal();
  }

  /** Has the page make a file of what it shows. */
  export(format: ExportFormat): void {
    this.post({ type: 'export', format });
  }

  /** Switches between figure and table. */
  toggleTable(): void {
    this.post({ type: 'toggleTable' });
  }

  private async receive(message: FromResultPanel): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        return this.fill();
      case 'cancel':
        this.cancellation?.cancel();
        return;
      case 'run':
        return this.runAgain(message.parameters);
      case 'view':
        this.view = message.view;
        return;
      case 'tensor':
        return this.sendTensor(message.request, message.task, message.tensor);
      case 'reveal':
        return this.revealTensor(message.task, message.tensor);
      case 'exported':
        return saveExport(this.currentRun, message.format, message.data);
      case 'showLog':
        return vscode.commands.executeCommand('deltalens.showLog');
      case 'drawn':
        this.around.drawn.fire({ page: 'result', title: message.title, count: message.cells });
    }
  }

  /** Reads the study's file again: whoever runs a study again has often just corrected it. */
  private async runAgain(parameters: RunSpec['parameters']): Promise<void> {
    this.cancellation?.cancel();
    this.cancellation = undefined;
    const { study } = this.currentRun;
    const read =
      study.file === undefined
        ? success(study)
        : await this.around.client.request('deltalens/readStudy', { path: study.file });
    this.currentRun = { ...this.currentRun, parameters, ...(read.ok ? { study: read.value } : {}) };
    await this.fillWith({ type: 'progress', fraction: 0, message: '' });
    if (!read.ok) return this.settle(failed(read.problem));
    return this.compute();
  }

  private async compute(): Promise<void> {
    this.cancellation?.cancel();
    const cancellation = new vscode.CancellationTokenSource();
    this.cancellation = cancellation;
    const { client, status } = this.around;
    const run = this.currentRun;
    const job = `panel-${++jobs}`;
    const lens = await this.around.lens(run.lens);
    this.panel.title = `${lens?.title ?? run.lens} · ${run.study.name}`;
    const shown = status.show(job, { title: lens?.title ?? run.lens, reveal: () => this.reveal() });
    const progress = client.on('deltalens/progress', (sent) => {
      if (sent.job === job) this.settle({ type: 'progress', fraction: sent.fraction, message: sent.message });
    });
    const answer = await client.request('deltalens/runLens', { run, job }, cancellation.token);
    progress.dispose();
    shown.dispose();
    cancellation.dispose();
    if (this.cancellation !== cancellation) return;
    this.cancellation = undefined;
    this.settle(answer.ok ? resultOf(answer.value) : failed(answer.problem));
  }

  private settle(outcome: Outcome): void {
    this.outcome = outcome;
    this.post(outcome);
  }

  private fillWith(outcome: Outcome): Promise<void> {
    this.outcome = outcome;
    return this.fill();
  }

  private async fill(): Promise<void> {
    const lens = await this.around.lens(this.currentRun.lens);
    this.post({ type: 'start', run: this.currentRun, lens, view: this.view });
    this.post(this.outcome);
  }

  private async sendTensor(request: number, task: string, tensor: string): Promise<void> {
    this.post({ type: 'tensor', request, detail: await this.tensorDetail(task, tensor) });
  }

  private tensorDetail(task: string, tensor: string): Promise<Result<TensorDetail>> {
    const path = this.pathOfTask(task);
    if (path === undefined) return Promise.resolve(unknownTask(task));
    const { base } = this.currentRun.study;
    return this.around.client.request('deltalens/tensor', {
      path,
      tensor,
      ...(base === undefined || base === path ? {} : { base }),
    });
  }

  private async revealTensor(task: string, tensor: string): Promise<void> {
    const path = this.pathOfTask(task);
    if (path !== undefined) await this.around.reveal(path, tensor);
  }

  /** A lens may also report on the base, under the name that it has among the inputs. */
  private pathOfTask(task: string): string | undefined {
    const { tasks } = this.currentRun.study;
    const known = tasks.find(({ name }) => name === task);
    if (known || this.outcome.type !== 'result') return known?.path;
    return this.outcome.result.inputs.find(({ name }) => name === task)?.path;
  }

  private post(message: ToResultPanel): void {
    if (this.ready && !this.isDisposed) void this.panel.webview.postMessage(message);
  }
}

function unknownTask(task: string): Result<never> {
  return failure({
    code: 'unknown-task',
    message: vscode.l10n.t('This result has no task "{0}".', task),
    action: vscode.l10n.t('Run the lens again.'),
  });
}

function resultOf(result: LensResult): Outcome {
  return { type: 'result', result };
}

function failed(problem: Problem): Outcome {
  return { type: 'failed', problem };
}
