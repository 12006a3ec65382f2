import { loadStarted } from './load-start';
import * as vscode from 'vscode';
import type { DeltalensApi, Drawn } from './api';
import { AnalysisClient } from './client';
import { editorFile } from './commands/editor-file';
import { registerCommands } from './commands/registry';
import type { DeltalensContext } from './context';
import { LocalCopies } from './copies/local-copies';
import { Findings } from './findings';
import { LensRegistry } from './lens-registry';
import { ManifestDocuments } from './manifest/manifest-documents';
import { CheckpointEditors } from './panels/checkpoint-editor';
import { StudyPanels } from './panels/study-panels';
import { checkPlatform } from './platform';
import { SelectedBase } from './selected-base';
import { openStudyOnStartup } from './startup-study';
import { StatusBar } from './status-bar';
import { StudyCodeLenses } from './study-code-lenses';
import { CheckpointTree } from './tree/checkpoint-tree';

const loadMs = performance.now() - loadStarted;

let client: AnalysisClient | undefined;

/** Sets everything up and leaves everything that takes time, the server first of all, for afterwards. */
export function activate(extension: vscode.ExtensionContext): DeltalensApi {
  const started = performance.now();
  const log = vscode.window.createOutputChannel('Deltalens', { log: true });
  const drawn = new vscode.EventEmitter<Drawn>();
  const context = build(extension, log, drawn);
  client = context.client;
  extension.subscriptions.push(log, drawn, registerCommands(context), StudyCodeLenses.register());
  setImmediate(() => void afterActivation(extension, context));
  const activationMs = loadMs + performance.now() - started;
  log.info(`Activated in ${activationMs.toFixed(1)} ms.`);
  return {
    activationMs,
    onDrawn: drawn.event,
    checkpoints: context.tree,
    serializer: context.results,
    request: (name, params) => context.client.request(name, params),
  };
}

/** Stops the server. */
export function deactivate(): Promise<void> | undefined {
  return client?.stop();
}

function build(
  extension: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  drawn: vscode.EventEmitter<Drawn>,
): DeltalensContext {
  const { subscriptions } = extension;
  const owned = <T extends vscode.Disposable>(part: T): T => {
    subscriptions.push(part);
    return part;
  };
  const copies = owned(new LocalCopies(extension.globalStorageUri));
  const client = new AnalysisClient(extension, log, copies);
  const status = owned(new StatusBar(client));
  const lenses = new LensRegistry(client);
  const findings = owned(new Findings(copies));
  const base = owned(new SelectedBase(extension.workspaceState));
  const tree = owned(new CheckpointTree(client, copies, findings, base));
  owned(new ManifestDocuments(client, copies, extension.globalStorageUri));
  const editors = owned(new CheckpointEditors(extension, client, copies, drawn));
  const reveal = async (path: string, tensor: string) => {
    const uri = await editorFile(copies.uriOf(path), { adapter: false, ask: false });
    if (uri) await editors.show(uri, tensor);
  };
  const results = owned(new StudyPanels({ extension, client, status, drawn, lenses, reveal }));
  return { log, client, copies, lenses, base, tree, editors, results };
}

async function afterActivation(extension: vscode.ExtensionContext, context: DeltalensContext): Promise<void> {
  await context.client.start();
  // Fills the tree's context keys even while the sidebar is closed, for the menus and the palette.
  await context.tree.explore();
  await openStudyOnStartup(context);
  await checkPlatform(extension, context.log);
}
