import * as vscode from 'vscode';
import type * as Protocol from 'vscode-languageclient/node';
import { CODE_DOCUMENTS, CODE_LANGUAGES, OWN_DOCUMENTS } from '../protocol/documents';
import { MANIFEST_LANGUAGE, MANIFEST_SCHEME } from '../protocol/manifest';
import type { NotificationName, Notifications } from '../protocol/requests';
import type { FetchLeave, RequestName, RequestParams, RequestResult } from '../protocol/requests';
import { CANCELLED, cancelled, failure, type Problem } from '../protocol/result';
import type { LocalCopies } from './copies/local-copies';
import { Disposable } from './disposable';
import { workspaceRoots } from './file-uri';
import { originals } from './copies/originals';
import { HubConsent } from './hub-consent';
import type * as Library from './language-client';
import { NewFolders } from './new-folders';
import { restartPolicy } from './restart-policy';

/** Files whose change on disk can change what the server answers. */
const WATCHED =
  '**/{*.safetensors,*.safetensors.index.json,*.bin.index.json,*.pt,*.pth,*.ckpt,*.bin,*.gguf,*.h5,*.hdf5,*.keras,*.msgpack,*.index,*.distcp,adapter_config.json,config.json,*.study.yaml,*.study.yml}';

/** Documents that the server knows: those with rules of their own, manifests, and what may name checkpoints. */
const DOCUMENTS = [
  ...[...OWN_DOCUMENTS, ...CODE_DOCUMENTS].map((pattern) => ({ scheme: 'file', pattern })),
  ...CODE_LANGUAGES.map((language) => ({ scheme: 'file', language })),
  { scheme: MANIFEST_SCHEME, language: MANIFEST_LANGUAGE },
];

/** The key of the token in the secrets. */
const HUB_TOKEN = 'hubToken';

export type ServerState = 'starting' | 'running' | 'stopped';

/**
 * The connection to the analysis server, a process of its own that does all reading and computing. It is started
 * again when it dies, unless it dies again and again.
 */
export class AnalysisClient extends Disposable {
  private readonly stateChange = this.register(new vscode.EventEmitter<ServerState>());
  private readonly notification = this.register(new vscode.EventEmitter<AnyNotification>());
  private connection: Promise<Protocol.LanguageClient> | undefined;
  private readonly consent = new HubConsent();
  private hubToken: string | null = null;
  /** Fires with every change of the server's state. */
  readonly onState = this.stateChange.event;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly copies: LocalCopies,
  ) {
    super();
    this.register(copies.onCopied((files) => void this.tellCopied(files)));
    this.register(new NewFolders(WATCHED, (files) => void this.tellAppeared(files)));
  }

  /** Starts the server where it is not running yet; says so to the user when that fails. */
  async start(): Promise<void> {
    try {
      await this.connect();
    } catch (error) {
      this.log.error('The analysis server could not be started.', error);
      this.stateChange.fire('stopped');
      await this.offerRestart(vscode.l10n.t('The Deltalens analysis server could not be started.'));
    }
  }

  /** Stops the server, whatever it is doing, and starts it anew. */
  async restart(): Promise<void> {
    if (!this.connection) return this.start();
    this.stateChange.fire('starting');
    try {
      const client = await this.connection;
      await client.restart();
    } catch (error) {
      this.log.warn('The old analysis server did not end in order.', error);
      this.connection = undefined;
      await this.start();
    }
  }

  /** Keeps a token for the Hub in the secrets of the editor, or forgets it, and starts the server with it. */
  async setHubToken(token: string | null): Promise<void> {
    if (token === null) await this.extension.secrets.delete(HUB_TOKEN);
    else await this.extension.secrets.store(HUB_TOKEN, token);
    this.hubToken = token;
    await this.restart();
  }

  /** Stops the server; part of deactivation. */
  async stop(): Promise<void> {
    const connection = this.connection;
    this.connection = undefined;
    this.dispose();
    try {
      await (await connection)?.dispose();
    } catch (error) {
      this.log.debug('While stopping the analysis server:', error);
    }
  }

  /** Asks the server. Never rejects: a dead server or a cancelled request is a problem like any other. */
  async request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    token?: vscode.CancellationToken,
  ): Promise<RequestResult<N>> {
    const answer = await this.ask(name, params, token);
    return this.consent.orAsk(answer, () => this.ask(name, { ...params, mayFetch: true }, token));
  }

  private async ask<N extends RequestName>(
    name: N,
    params: RequestParams<N> & FetchLeave,
    token?: vscode.CancellationToken,
  ): Promise<RequestResult<N>> {
    try {
      const client = await this.connect();
      // Not `(name, params, undefined)`: the library would count that as a second parameter.
      const answer = token
        ? await client.sendRequest<RequestResult<N>>(name, params, token)
        : await client.sendRequest<RequestResult<N>>(name, params);
      return answer.ok ? answer : { ok: false, problem: this.withAddresses(answer.problem) };
    } catch (error) {
      if (token?.isCancellationRequested) return cancelled();
      this.log.error(`${name} was not answered.`, error);
      return serverGone() as RequestResult<N>;
    }
  }

  /** Listens to one kind of notification, over restarts of the server. */
  on<N extends NotificationName>(name: N, listen: (params: Notifications[N]) => void): vscode.Disposable {
    return this.notification.event((sent) => {
      if (sent.name === name) listen(sent.params as Notifications[N]);
    });
  }

  private connect(): Promise<Protocol.LanguageClient> {
    this.connection ??= this.open();
    return this.connection;
  }

  private async open(): Promise<Protocol.LanguageClient> {
    this.stateChange.fire('starting');
    this.hubToken = (await this.extension.secrets.get(HUB_TOKEN)) ?? null;
    // Loaded here and not at the top: activation must not wait for it.
    const library = await import('./language-client');
    const module = this.extension.asAbsolutePath('dist/server.js');
    const transport = library.TransportKind.ipc;
    const client = new library.LanguageClient(
      'deltalens',
      'Deltalens',
      {
        run: { module, transport },
        debug: { module, transport, options: { execArgv: ['--nolazy', '--inspect=6011'] } },
      },
      this.clientOptions(library),
    );
    client.onDidChangeState(({ newState }) =>
      this.stateChange.fire(STATES[library.State[newState]] ?? 'stopped'),
    );
    for (const name of Object.keys(NOTIFICATIONS) as NotificationName[]) {
      client.onNotification(name, (params: AnyNotification['params']) =>
        this.notification.fire({ name, params }),
      );
    }
    await client.start();
    return client;
  }

  /** Messages with the addresses of originals where they name copies. */
  private withAddresses(problem: Problem): Problem {
    const { message, action } = problem;
    return { ...problem, message: this.copies.shown(message), action: this.copies.shown(action) };
  }

  /** Copies lie where no watcher looks. */
  private async tellCopied(files: readonly vscode.Uri[]): Promise<void> {
    try {
      await this.tellCreated(await this.connect(), files);
    } catch (error) {
      this.log.debug('Copies were not checked:', error);
    }
  }

  private async tellAppeared(files: readonly vscode.Uri[]): Promise<void> {
    const client = await this.connection;
    // A server that starts looks at everything by itself.
    if (client?.isRunning()) await this.tellCreated(client, files);
  }

  private async tellCreated(client: Protocol.LanguageClient, files: readonly vscode.Uri[]): Promise<void> {
    const { FileChangeType } = await import('./language-client');
    const changes = files.map((file) => ({
      uri: client.code2ProtocolConverter.asUri(file),
      type: FileChangeType.Created,
    }));
    await client.sendNotification('workspace/didChangeWatchedFiles', { changes });
  }

  private clientOptions(library: typeof Library): Protocol.LanguageClientOptions {
    return {
      documentSelector: DOCUMENTS,
      synchronize: {
        fileEvents: this.register(vscode.workspace.createFileSystemWatcher(WATCHED)),
        configurationSection: 'deltalens',
      },
      middleware: originals(this.copies),
      // Asked again with every restart.
      initializationOptions: () => ({
        roots: workspaceRoots(),
        ...serverSettings(),
        cacheFolder: vscode.Uri.joinPath(this.extension.globalStorageUri, 'results').fsPath,
        hubFolder: this.extension.globalStorageUri.fsPath,
        hubToken: this.hubToken,
      }),
      outputChannel: this.log,
      revealOutputChannelOn: library.RevealOutputChannelOn.Never,
      errorHandler: this.errorHandler(library),
    };
  }

  private errorHandler({ CloseAction, ErrorAction }: typeof Library): Protocol.ErrorHandler {
    const mayRestart = restartPolicy();
    return {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        this.log.error('The analysis server ended unexpectedly.');
        if (mayRestart(Date.now())) {
          void this.tellRestarted();
          return { action: CloseAction.Restart, handled: true };
        }
        void this.offerRestart(
          vscode.l10n.t('The Deltalens analysis server keeps ending unexpectedly and was not started again.'),
        );
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  private async tellRestarted(): Promise<void> {
    const showLog = vscode.l10n.t('Show Log');
    const chosen = await vscode.window.showWarningMessage(
      vscode.l10n.t(
        'The Deltalens analysis server ended unexpectedly and was started again. Analyses that were running have failed.',
      ),
      showLog,
    );
    if (chosen === showLog) this.log.show();
  }

  private async offerRestart(message: string): Promise<void> {
    const restart = vscode.l10n.t('Restart');
    const showLog = vscode.l10n.t('Show Log');
    const chosen = await vscode.window.showErrorMessage(message, restart, showLog);
    if (chosen === showLog) this.log.show();
    if (chosen === restart) await this.restart();
  }
}

/** The settings that the server is started with; it hears of later changes by itself. */
function serverSettings(): Readonly<Record<string, unknown>> {
  const settings = vscode.workspace.getConfiguration('deltalens');
  const names = ['scanLimitMiB', 'cacheLimitMiB', 'hashContents', 'missingCheckpoints', 'hub'];
  return Object.fromEntries(names.map((name) => [name, settings.get(name)]));
}

interface AnyNotification {
  readonly name: NotificationName;
  readonly params: Notifications[NotificationName];
}

const NOTIFICATIONS: Readonly<Record<NotificationName, true>> = {
  'deltalens/progress': true,
  'deltalens/partial': true,
  'deltalens/contentsChanged': true,
};

const STATES: Readonly<Record<string, ServerState>> = {
  Starting: 'starting',
  Running: 'running',
  Stopped: 'stopped',
};

function serverGone(): ReturnType<typeof failure> {
  return failure({
    code: 'server-stopped',
    message: vscode.l10n.t('The analysis server ended before it could answer.'),
    action: vscode.l10n.t('Run it again; "Deltalens: Show Log" tells why the server ended.'),
  });
}

/** Whether a problem only says that the user cancelled. */
export function isCancelled(problem: { readonly code: string }): boolean {
  return problem.code === CANCELLED;
}
