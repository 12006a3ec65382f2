import * as assert from 'node:assert/strict';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DeltalensApi, Drawn } from '../../src/extension/api';
import type { TreeNode } from '../../src/extension/tree/nodes';

const ID = 'deltalens.deltalens';

/** What the suites read of the manifest, as VS Code has it. */
export interface ManifestView {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
  };
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: unknown; readonly description: string };
    readonly virtualWorkspaces: { readonly supported: unknown; readonly description: string };
  };
}

/** The extension under test. */
export function extension(): vscode.Extension<DeltalensApi> {
  const found = vscode.extensions.getExtension<DeltalensApi>(ID);
  assert.ok(found, `${ID} is installed`);
  return found;
}

/** The manifest of the extension under test. */
export function manifest(): ManifestView {
  return extension().packageJSON as ManifestView;
}

/** The API of the extension, activated. */
export async function api(): Promise<DeltalensApi> {
  return extension().activate();
}

/** The folder of the samples that the window has open. */
export function workspace(): string {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'a workspace folder is open');
  return folder.uri.fsPath;
}

/** The URI of a file of the workspace. */
export function sample(...parts: readonly string[]): vscode.Uri {
  return vscode.Uri.file(path.join(workspace(), ...parts));
}

/** Waits until `ask` gives something other than `undefined` or `false`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Does something and waits for the page that it draws; pages that draw nothing yet do not count. */
export async function drawnAfter(
  act: () => Thenable<unknown>,
  matches: (drawn: Drawn) => boolean,
): Promise<Drawn> {
  const { onDrawn } = await api();
  let listener: vscode.Disposable | undefined;
  const drawn = new Promise<Drawn>((resolve, reject) => {
    const seen: Drawn[] = [];
    const late = setTimeout(
      () => reject(new Error(`Nothing fitting was drawn: ${JSON.stringify(seen)}`)),
      40_000,
    );
    listener = onDrawn((page) => {
      seen.push(page);
      if (!matches(page)) return;
      clearTimeout(late);
      resolve(page);
    });
  });
  try {
    await act();
    return await drawn;
  } finally {
    listener?.dispose();
  }
}

/** The label of a tree item as text. */
export function labelOf(item: vscode.TreeItem): string {
  return typeof item.label === 'string' ? item.label : (item.label?.label ?? '');
}

/** Children of a node with their items. */
export async function childrenOf(node?: TreeNode): Promise<{ node: TreeNode; item: vscode.TreeItem }[]> {
  const { checkpoints } = await api();
  const nodes = (await checkpoints.getChildren(node)) ?? [];
  return Promise.all(
    nodes.map(async (child) => ({ node: child, item: await checkpoints.getTreeItem(child) })),
  );
}

/** Closes every editor and panel. */
export async function closeAll(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}
