import * as vscode from 'vscode';
import type { LensResult } from '../../protocol/artifact';
import type { TensorDetail } from '../../protocol/checkpoint';
import type { LensDescription } from '../../protocol/lens';
import type {
  ExportFormat,
  FromResultPanel,
  StudyCard,
  StudyPanelState,
  ToResultPanel,
} from '../../protocol/panel';
import { failure, type Result } from '../../protocol/result';
import type { RunSpec, StudySpec } from '../../protocol/study';
import type { Drawn } from '../api';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import type { LensRegistry } from '../lens-registry';
import type { StatusBar } from '../status-bar';
import { studyText } from '../study-document';
import { CardRuns, type RunListener } from './card-runs';
import { studyKey } from './panel-state';
import { saveExport } from './save-export';
import { showPage, webviewOptions } from './webview-page';

/** What a panel needs of the rest of the extension. */
export interface StudyPanelSurroundings {
  readonly extension: vscode.ExtensionContext;
  readonly client: AnalysisClient;
  readonly status: StatusBar;
  readonly drawn: vscode.EventEmitter<Drawn>;
  readonly lenses: LensRegistry;
  /** Opens the checkpoint or adapter at a path with a tensor selected. */
  readonly reveal: (path: string, tensor: string) => Promise<void>;
}

let jobs = 0;

/**
 * One study on screen. The page owns what is shown and chosen; it may be thrown away while it is hidden, so its last state and
 * what its lenses gave are kept here to fill it again.
 */
export class StudyPanel extends Disposable {
  private readonly runs: CardRuns;
  private readonly toAdd: Extract<ToResultPanel, { type: 'add' }>[] = [];
  private started = false;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private state: StudyPanelState,
    private readonly around: StudyPanelSurroundings,
  ) {
    super();
    panel.webview.options = webviewOptions(around.extension);
    panel.iconPath = vscode.Uri.joinPath(around.extension.extensionUri, 'media', 'panel.svg');
    this.runs = this.register(
      new CardRuns(
        (run, listener, token) => this.compute(run, listener, token),
        (outcome) => this.post(outcome),
      ),
    );
    this.register(
      panel.webview.onDidReceiveMessage((message: FromResultPanel) => void this.receive(message)),
    );
    this.register(
      panel.onDidChangeViewState(() => {
        // The page of a hidden panel is gone; the next one says "ready".
        if (!panel.visible) this.started = false;
      }),
    );
    this.register(
      around.client.on('deltalens/contentsChanged', () => {
        void this.runs.renew();
        if (this.started) void this.tellFacts();
      }),
    );
    showPage(panel.webview, around.extension, 'result');
    void this.updateTitle();
  }

  get study(): StudySpec {
    return this.state.study;
  }

  get isActive(): boolean {
    return this.panel.active;
  }

  /** Whether a run has ended well, so that there is something to export. */
  get hasResult(): boolean {
    return this.runs.hasResult;
  }

  /** Brings the panel to the front. */
  reveal(): void {
    this.panel.reveal();
  }

  /** Adds a lens to what is shown, or brings the card that shows the same into view. */
  add(lens: string, parameters: RunSpec['parameters']): void {
    const message = { type: 'add', lens, parameters } as const;
    if (this.started) this.post(message);
    else this.toAdd.push(message);
  }

  /** Takes over what the study's file says now; cards that lacked a graph or data run again. */
  replaceStudy(study: StudySpec): void {
    if (JSON.stringify(study) === JSON.stringify(this.state.study)) return;
    this.state = { ...this.state, study };
    this.post({ type: 'study', study });
    if (this.started) void this.tellFacts();
    for (const card of this.state.cards) {
      if (this.runs.lacksNetwork(card.id)) this.runs.start(card.id, runOf(card, study), true);
    }
  }

  /** Has the page make a file of what it shows. */
  export(format: ExportFormat): void {
    this.post({ type: 'export', format });
  }

  /** Switches the card in use between figure and table. */
  toggleTable(): void {
    this.post({ type: 'toggleTable' });
  }

  private async receive(message: FromResultPanel): Promise<void> {
    switch (message.type) {
      case 'ready':
        return this.fill();
      case 'run':
        return this.run(message.card, message.again);
      case 'cancel':
        return this.runs.cancel(message.card);
      case 'forget':
        return this.runs.forget(message.card);
      case 'state':
        this.state = message.state;
        return this.updateTitle();
      case 'tensor': {
        const detail = await this.tensorDetail(message.card, message.task, message.tensor);
        return this.post({ type: 'tensor', request: message.request, detail });
      }
      case 'reveal': {
        const path = this.pathOfTask(message.card, message.task);
        return path === undefined ? undefined : this.around.reveal(path, message.tensor);
      }
      case 'exported':
        return saveExport(this.state.study, message);
      case 'attach':
        return vscode.commands.executeCommand('deltalens.attachNetwork');
      case 'showLog':
        return vscode.commands.executeCommand('deltalens.showLog');
      case 'drawn':
        this.around.drawn.fire({ page: 'result', title: message.title, count: message.cells });
    }
  }

  private async fill(): Promise<void> {
    const lenses = await this.around.lenses.all();
    this.started = true;
    this.post({ type: 'start', state: this.state, lenses: lenses.ok ? lenses.value : [] });
    for (const message of this.toAdd.splice(0)) this.post(message);
    await this.tellFacts();
  }

  /** The list of lenses says what the study lacks for each; a training run may have more checkpoints by now. */
  private async tellFacts(): Promise<void> {
    const { study } = this.state;
    const answer = await this.around.client.request('deltalens/studyFacts', { study });
    if (studyKey(study) !== studyKey(this.state.study)) return;
    this.post({ type: 'facts', facts: answer.ok ? answer.value : null });
  }

  /** Reads the study's file again where a run is asked for again: whoever does so has often just corrected it. */
  private async run(card: StudyCard, again: boolean): Promise<void> {
    const { study } = this.state;
    if (again && study.file !== undefined) {
      const text = studyText(study.file);
      const shown = { path: study.file, ...(text === null ? {} : { text }) };
      const read = await this.around.client.request('deltalens/readStudy', shown);
      if (!read.ok) return this.runs.fail(card.id, runOf(card, study), read.problem);
      if (JSON.stringify(read.value) !== JSON.stringify(study)) {
        this.state = { ...this.state, study: read.value };
        this.post({ type: 'study', study: read.value });
        void this.tellFacts();
      }
    }
    this.runs.start(card.id, runOf(card, this.state.study), again);
  }

  private async compute(
    run: RunSpec,
    { progress, partial }: RunListener,
    token: vscode.CancellationToken,
  ): Promise<Result<LensResult>> {
    const { client, status, lenses } = this.around;
    const job = `panel-${++jobs}`;
    const title = (await lenses.find(run.lens))?.title ?? run.lens;
    const shown = status.show(job, { title, reveal: () => this.reveal() });
    const listening = client.on('deltalens/progress', (sent) => {
      if (sent.job === job) progress(sent.fraction, sent.message);
    });
    const refining = client.on('deltalens/partial', (sent) => {
      if (sent.job === job) partial(sent.result);
    });
    const answer = await client.request('deltalens/runLens', { run, job }, token);
    listening.dispose();
    refining.dispose();
    shown.dispose();
    return answer;
  }

  private async updateTitle(): Promise<void> {
    const { study, cards } = this.state;
    const [only, ...others] = cards;
    const lens = only && others.length === 0 ? await this.around.lenses.find(only.lens) : null;
    if (!this.isDisposed) this.panel.title = titleOf(study, lens);
  }

  private tensorDetail(card: string, task: string, tensor: string): Promise<Result<TensorDetail>> {
    const path = this.pathOfTask(card, task);
    if (path === undefined) return Promise.resolve(unknownTask(task));
    const { base } = this.state.study;
    return this.around.client.request('deltalens/tensor', {
      path,
      tensor,
      ...(base === undefined || base === path ? {} : { base }),
    });
  }

  /** A lens may also report on the base, under the name that it has among the inputs. */
  private pathOfTask(card: string, task: string): string | undefined {
    const known = this.state.study.tasks.find(({ name }) => name === task);
    return known?.path ?? this.runs.inputPath(card, task);
  }

  private post(message: ToResultPanel): void {
    if (this.started && !this.isDisposed) void this.panel.webview.postMessage(message);
  }
}

function runOf({ lens, parameters }: StudyCard, study: StudySpec): RunSpec {
  return { lens, study, parameters };
}

function titleOf(study: StudySpec, lens: LensDescription | null): string {
  return lens ? `${lens.title} · ${study.name}` : study.name;
}

function unknownTask(task: string): Result<never> {
  return failure({
    code: 'unknown-task',
    message: vscode.l10n.t('This result has no task "{0}".', task),
    action: vscode.l10n.t('Run the lens again.'),
  });
}
