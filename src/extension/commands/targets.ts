import * as vscode from 'vscode';
import { MANIFEST_SCHEME } from '../../protocol/manifest';
import { cancelled, failure, success, type Result } from '../../protocol/result';
import type { DeltalensContext } from '../context';
import { pathOf } from '../file-uri';
import { nodePath, type TreeNode } from '../tree/nodes';
import { editorFile } from './editor-file';

/** The nodes that a tree menu passes: the one that was clicked, and the selection where it belongs to one. */
export function nodesOf(clicked: unknown, selected: unknown): TreeNode[] {
  return chosen(clicked, selected).filter(isTreeNode);
}

/**
 * What a command was called on: URIs of the explorer or an editor title, or nodes of the tree (a family stands for all of it, a
 * place for its checkpoint). Empty when it was called from the palette.
 */
export function urisOf({ copies }: DeltalensContext, clicked: unknown, selected: unknown): vscode.Uri[] {
  const uris = new Map<string, vscode.Uri>();
  const add = (uri: vscode.Uri) => uris.set(uri.toString(), uri);
  for (const given of chosen(clicked, selected)) {
    // The server names a file in the arguments of a code lens as a text.
    const target = typeof given === 'string' ? vscode.Uri.parse(given) : given;
    if (target instanceof vscode.Uri) {
      if (target.scheme === 'webview-panel') continue;
      const path = pathOf(target);
      add(path === null ? target : copies.uriOf(path));
    } else if (isTreeNode(target)) {
      if (target.kind === 'virtual-file') add(target.uri);
      for (const path of pathsOfNode(target)) add(copies.uriOf(path));
    }
  }
  return [...uris.values()];
}

/** The paths behind {@link urisOf}; what has none is copied. Fails where that does, or is not wanted. */
export async function pathsOf(
  context: DeltalensContext,
  clicked: unknown,
  selected: unknown,
): Promise<Result<string[]>> {
  const paths: string[] = [];
  for (const uri of urisOf(context, clicked, selected)) {
    const path = await readablePath(context, uri);
    if (!path.ok) return path;
    paths.push(path.value);
  }
  return success([...new Set(paths)]);
}

/** The path at which what lies at a URI can be read; of a folder without one, that of the checkpoint that the user chooses in it. */
export async function readablePath({ copies }: DeltalensContext, uri: vscode.Uri): Promise<Result<string>> {
  if (uri.scheme === 'file') return success(uri.fsPath);
  if (/\.study\.ya?ml$/i.test(uri.path)) return notOnDisk(uri);
  const file = await editorFile(uri, { adapter: false, ask: true });
  return file ? copies.localPath(file) : cancelled();
}

/** A study names its files by their paths. */
function notOnDisk(uri: vscode.Uri): Result<never> {
  return failure({
    code: 'not-on-disk',
    message: vscode.l10n.t(
      '{0} is not on a disk of this machine, so its files are not found.',
      uri.toString(true),
    ),
    action: vscode.l10n.t('Copy the study and its checkpoints to a local folder.'),
  });
}

/** What is in front of the user: the checkpoint of the active editor or manifest, else what is selected in the sidebar. */
export function pathsInFront({ copies, editors, tree }: DeltalensContext): string[] {
  const active = editors.active;
  if (active) return [copies.pathOf(active)];
  const manifest = vscode.window.activeTextEditor?.document.uri;
  const shown = manifest?.scheme === MANIFEST_SCHEME ? pathOf(manifest) : null;
  if (shown !== null) return [shown];
  return [...new Set(tree.selection.flatMap(pathsOfNode))];
}

function pathsOfNode(node: TreeNode): string[] {
  if (node.kind === 'family') return node.family.entries.map((entry) => entry.path);
  const path = nodePath(node.kind === 'place' ? node.entry : node);
  return path === undefined ? [] : [path];
}

function chosen(clicked: unknown, selected: unknown): unknown[] {
  if (Array.isArray(selected) && selected.length > 0) return selected;
  return clicked === undefined ? [] : [clicked];
}

function isTreeNode(target: unknown): target is TreeNode {
  return typeof target === 'object' && target !== null && 'kind' in target;
}
