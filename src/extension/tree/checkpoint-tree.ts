import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExplorerEntry, WorkspaceContents } from '../../protocol/explorer';
import { stepInName } from '../../protocol/step-name';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import type { LocalCopies } from '../copies/local-copies';
import type { Findings } from '../findings';
import type { SelectedBase } from '../selected-base';
import { parentOf, type EntryNode, type PlaceTreeNode, type TreeNode } from './nodes';
import { placeRequest } from './place-request';
import { findVirtualFolders, type VirtualFolder } from './virtual-folder';
import { treeItem } from './tree-item';
import { isCheckpointFilePath } from '../../protocol/checkpoint-names';

const NOTHING: WorkspaceContents = { families: [], studies: [], truncated: false };

/** The sidebar's tree of families, checkpoints, layers, modules and tensors, and the studies. */
export class CheckpointTree extends Disposable implements vscode.TreeDataProvider<TreeNode> {
  private readonly change = this.register(new vscode.EventEmitter<TreeNode | undefined>());
  private contents: Promise<WorkspaceContents> | undefined;
  private virtual: Promise<readonly VirtualFolder[]> | undefined;
  private readonly view: vscode.TreeView<TreeNode>;
  readonly onDidChangeTreeData = this.change.event;

  constructor(
    private readonly client: AnalysisClient,
    private readonly copies: LocalCopies,
    private readonly findings: Findings,
    private readonly base: SelectedBase,
  ) {
    super();
    this.view = this.register(
      vscode.window.createTreeView('deltalens.checkpoints', {
        treeDataProvider: this,
        canSelectMany: true,
        showCollapseAll: true,
      }),
    );
    this.register(this.view.onDidChangeSelection(({ selection }) => this.tellSelection(selection)));
    this.register(client.on('deltalens/contentsChanged', () => this.refresh()));
    this.register(vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()));
    this.register(base.onChange(() => this.change.fire(undefined)));
    this.register(findings.onChange(() => this.redrawSoon()));
  }

  /** The checkpoints, adapters and studies of the workspace; asked for once and kept until {@link refresh}. */
  explore(): Promise<WorkspaceContents> {
    this.contents ??= this.askForContents();
    return this.contents;
  }

  /** As {@link explore}, with what was written a moment ago and no watcher has told of yet. */
  exploreAgain(): Promise<WorkspaceContents> {
    this.refresh();
    return this.explore();
  }

  /** What the workspace folders that are not on disk hold and is not copied; looked for once and kept until {@link refresh}. */
  async virtualFolders(): Promise<readonly VirtualFolder[]> {
    this.virtual ??= findVirtualFolders();
    const { families } = await this.explore();
    const copied = new Set(families.flatMap(({ entries }) => entries).map(({ path: file }) => file));
    const isCopied = (uri: vscode.Uri) => {
      const copy = this.copies.pathOf(uri);
      return copied.has(copy) || copied.has(path.dirname(copy));
    };
    return (await this.virtual).map((folder) => ({
      ...folder,
      files: folder.files.filter((uri) => !isCopied(uri)),
    }));
  }

  /** Looks again at what the workspace holds. */
  refresh(): void {
    this.virtual = undefined;
    this.contents = undefined;
    this.change.fire(undefined);
  }

  /** The nodes that are selected in the sidebar. */
  get selection(): readonly TreeNode[] {
    return this.view.selection;
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (!node) return this.roots();
    switch (node.kind) {
      case 'family':
        return node.family.entries.map((entry) => ({ kind: 'entry', entry, parent: node }));
      case 'studies':
        return node.studies.map((study) => ({ kind: 'study', study, parent: node }));
      case 'entry':
      case 'place':
        return this.places(node);
      case 'virtual-folder':
        return node.files.map((uri) => ({ kind: 'virtual-file', uri, parent: node }));
      case 'study':
      case 'virtual-file':
        return [];
    }
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const entry = node.kind === 'entry' ? node.entry : undefined;
    return treeItem(node, {
      findings: entry ? this.findings.count(entry) : 0,
      selectedBase: entry !== undefined && entry.path === this.base.path,
      ...(entry ? { uri: this.copies.uriOf(entry.path) } : {}),
    });
  }

  getParent(node: TreeNode): TreeNode | undefined {
    return parentOf(node);
  }

  private async roots(): Promise<TreeNode[]> {
    const { families, studies } = await this.explore();
    return [
      ...families.map((family): TreeNode => ({ kind: 'family', family })),
      ...(studies.length > 0 ? [{ kind: 'studies', studies } as const] : []),
      ...(await this.virtualFolders())
        .filter(({ files }) => files.length > 0)
        .map((folder): TreeNode => ({ kind: 'virtual-folder', ...folder })),
    ];
  }

  private async places(node: EntryNode | PlaceTreeNode): Promise<TreeNode[]> {
    const request = placeRequest(node);
    if (!request) return [];
    const answer = await this.client.request('deltalens/places', request);
    if (!answer.ok) throw new Error(`${answer.problem.message} ${answer.problem.action}`);
    const entry = node.kind === 'entry' ? node : node.entry;
    return answer.value.map((place) => ({ kind: 'place', place, entry, parent: node }));
  }

  private async askForContents(): Promise<WorkspaceContents> {
    const roots = this.copies.roots();
    const answer = roots.length > 0 ? await this.client.request('deltalens/explore', { roots }) : undefined;
    const contents = answer?.ok ? answer.value : NOTHING;
    this.view.message =
      answer?.ok === false ? `${answer.problem.message} ${answer.problem.action}` : this.note(contents);
    this.drawBadge();
    this.virtual ??= findVirtualFolders();
    tellMenus(contents, await this.virtual);
    return contents;
  }

  private note(contents: WorkspaceContents): string | undefined {
    if (!contents.truncated) return undefined;
    return vscode.l10n.t(
      'The workspace holds more than is listed here. Open a folder below it to see the rest.',
    );
  }

  private tellSelection(selection: readonly TreeNode[]): void {
    const entries = selection.filter(({ kind }) => kind === 'entry' || kind === 'virtual-file').length;
    void vscode.commands.executeCommand('setContext', 'deltalens.comparableSelected', entries > 1);
  }

  private redraw: NodeJS.Timeout | undefined;

  private redrawSoon(): void {
    clearTimeout(this.redraw);
    this.redraw = setTimeout(() => {
      if (this.isDisposed) return;
      this.drawBadge();
      this.change.fire(undefined);
    }, 200);
  }

  private drawBadge(): void {
    const total = this.findings.total();
    this.view.badge =
      total === 0
        ? undefined
        : {
            value: total,
            tooltip: total === 1 ? vscode.l10n.t('1 finding') : vscode.l10n.t('{0} findings', total),
          };
  }
}

function tellMenus(contents: WorkspaceContents, virtual: readonly VirtualFolder[]): void {
  const entries = contents.families.flatMap((family) => family.entries);
  const uris = virtual.flatMap(({ files }) => files);
  const set = (key: string, value: unknown) => vscode.commands.executeCommand('setContext', key, value);
  void set('deltalens.explored', true);
  void set('deltalens.hasCheckpoints', entries.length > 0 || uris.length > 0);
  void set('deltalens.hasStudies', contents.studies.length > 0);
  void set('deltalens.checkpointFolders', [
    ...checkpointFolders(entries),
    ...new Set(uris.map(({ path: file }) => path.posix.dirname(file))),
  ]);
  void set('deltalens.runFolders', runFolders(entries));
}

/** Folders in which a checkpoint lies, for the menu of the file explorer; both ways in which VS Code writes a path. */
function checkpointFolders(entries: readonly ExplorerEntry[]): string[] {
  return bothWays(entries.map(folderOf));
}

/** Folders of training runs: those with a folder in them that is called like a checkpoint. */
function runFolders(entries: readonly ExplorerEntry[]): string[] {
  const checkpoints = entries.map(folderOf).filter((folder) => stepInName(path.basename(folder)) !== null);
  return bothWays(checkpoints.map((folder) => path.dirname(folder)));
}

function folderOf(entry: ExplorerEntry): string {
  return isCheckpointFilePath(entry.path) ? path.dirname(entry.path) : entry.path;
}

function bothWays(folders: readonly string[]): string[] {
  return [...new Set(folders.flatMap((folder) => [folder, vscode.Uri.file(folder).path]))];
}
