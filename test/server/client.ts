// A language client over stdio, for tests: what an editor would do, without an editor.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type Diagnostic,
  type InitializeResult,
  type MessageConnection,
} from 'vscode-languageserver-protocol/node';
import type {
  JobPartial,
  JobProgress,
  NotificationName,
  RequestName,
  RequestParams,
  RequestResult,
} from '../../src/protocol/requests';

const SERVER = path.resolve('dist/server.js');

/** Everything of one kind that the server has sent, and a way to wait for more. */
class Inbox<T> {
  readonly received: T[] = [];
  private readonly waiting: { matches: (message: T) => boolean; resolve: (message: T) => void }[] = [];

  add(message: T): void {
    this.received.push(message);
    for (const waiter of this.waiting.filter(({ matches }) => matches(message))) {
      this.waiting.splice(this.waiting.indexOf(waiter), 1);
      waiter.resolve(message);
    }
  }

  /** The first message, of the past or the future, for which `matches` holds. */
  async first(matches: (message: T) => boolean): Promise<T> {
    return this.received.find(matches) ?? this.next(matches);
  }

  /** The next message from now on for which `matches` holds. */
  next(matches: (message: T) => boolean): Promise<T> {
    return new Promise((resolve) => this.waiting.push({ matches, resolve }));
  }
}

/** A diagnostic with a plain text for a message; this server sends no other. */
export type PlainDiagnostic = Omit<Diagnostic, 'message'> & { readonly message: string };

export interface Published {
  readonly uri: string;
  readonly diagnostics: PlainDiagnostic[];
}

export class TestClient {
  readonly diagnostics = new Inbox<Published>();
  readonly progress = new Inbox<JobProgress>();
  readonly partial = new Inbox<JobPartial>();
  readonly contentsChanged = new Inbox<object>();
  readonly log = new Inbox<string>();

  private constructor(
    readonly process: ChildProcess,
    readonly connection: MessageConnection,
    readonly answer: InitializeResult,
  ) {}

  /** Starts a server on a folder. */
  static async start(folder: string, options: Record<string, unknown> = {}): Promise<TestClient> {
    const child = spawn(process.execPath, [SERVER, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    connection.listen();
    const initialized = connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: { workspace: { workspaceFolders: true } },
      workspaceFolders: [{ uri: uriOf(folder), name: 'test' }],
      initializationOptions: options,
    });
    const client = new TestClient(child, connection, await initialized);
    client.listen();
    await connection.sendNotification('initialized', {});
    return client;
  }

  private listen(): void {
    const progress: NotificationName = 'deltalens/progress';
    const partial: NotificationName = 'deltalens/partial';
    const contents: NotificationName = 'deltalens/contentsChanged';
    this.connection.onNotification('textDocument/publishDiagnostics', (sent: Published) =>
      this.diagnostics.add(sent),
    );
    this.connection.onNotification(progress, (sent: JobProgress) => this.progress.add(sent));
    this.connection.onNotification(partial, (sent: JobPartial) => this.partial.add(sent));
    this.connection.onNotification(contents, () => this.contentsChanged.add({}));
    this.connection.onNotification('window/logMessage', ({ message }: { message: string }) =>
      this.log.add(message),
    );
  }

  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    token?: CancellationToken,
  ): Promise<RequestResult<N>> {
    // An undefined token would be sent along as a second parameter.
    return this.connection.sendRequest(name, params, ...(token ? [token] : []));
  }

  /** Asks and expects a value. */
  async value<N extends RequestName>(name: N, params: RequestParams<N>) {
    const result = await this.request(name, params);
    assert.ok(result.ok, result.ok ? '' : result.problem.message);
    return result.value;
  }

  open(file: string, text: string): Promise<void> {
    const textDocument = { uri: uriOf(file), languageId: 'json', version: 1, text };
    return this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  changedOnDisk(file: string, type: 'created' | 'changed' | 'deleted'): Promise<void> {
    const changes = [{ uri: uriOf(file), type: { created: 1, changed: 2, deleted: 3 }[type] }];
    return this.connection.sendNotification('workspace/didChangeWatchedFiles', { changes });
  }

  /** The process that the server forked last. */
  async computeProcess(): Promise<number> {
    const started = /^Compute process (\d+) started/;
    await this.log.first((line) => started.test(line));
    const line = this.log.received.findLast((each) => started.test(each));
    return Number(started.exec(line ?? '')?.[1]);
  }

  /** Ends the server in order; resolves with its exit code. */
  async stop(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.process.once('exit', resolve));
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    return ended;
  }
}

export function uriOf(file: string): string {
  return pathToFileURL(file).href;
}
