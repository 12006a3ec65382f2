import * as vscode from 'vscode';
import { MANIFEST_SCHEME } from '../../protocol/manifest';
import { success, type Result } from '../../protocol/result';
import type { DeltalensContext } from '../context';
import { pathOf } from '../file-uri';
import { nodePath, type TreeNode } from '../tree/nodes';

/** The nodes that a tree menu passes: the one that was clicked, and the selection where it belongs to one. */
export function nodesOf(clicked: unknown, selected: unknown): TreeNode[] {
  return chosen(clicked, selected).filter(isTreeNode);
}

/**
 * The paths that a command was called on: URIs of the explorer or an editor title, or nodes of the tree (a family
 * stands for all of it, a place for its checkpoint). Empty when it was called from the palette.
 */
export function pathsOf(clicked: unknown, selected: unknown): Result<string[]> {
  const paths: string[] = [];
  for (const given of chosen(clicked, selected)) {
    // The server names a file in the arguments of a code lens as a text.
    const target = typeof given === 'string' ? vscode.Uri.parse(given) : given;
    if (target instanceof vscode.Uri) {
      if (target.scheme === 'webview-panel') continue;
      const path = pathOf(target);
      if (!path.ok) return path;
      paths.push(path.value);
    } else if (isTreeNode(target)) {
      paths.push(...pathsOfNode(target));
    }
  }
  return success([...new Set(paths)]);
}

/** What is in front of the user: the checkpoint of the active editor or manifest, else what is selected in the sidebar. */
export function pathsInFront({ editors, tree }: DeltalensContext): string[] {
  const active = editors.active;
  if (active?.scheme === 'file') return [active.fsPath];
  const manifest = vscode.window.activeTextEditor?.document.uri;
  const shown = manifest?.scheme === MANIFEST_SCHEME ? pathOf(manifest) : null;
  if (shown?.ok) return [shown.value];
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
