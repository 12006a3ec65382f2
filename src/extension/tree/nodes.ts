import type * as vscode from 'vscode';
import type { ExplorerEntry, Family, PlaceNode } from '../../protocol/explorer';

/** What the sidebar tree consists of; every node knows the one above it. */
export type TreeNode =
  FamilyNode | EntryNode | PlaceTreeNode | StudiesNode | StudyNode | VirtualFolderNode | VirtualFileNode;

export interface FamilyNode {
  readonly kind: 'family';
  readonly family: Family;
}

export interface EntryNode {
  readonly kind: 'entry';
  readonly entry: ExplorerEntry;
  readonly parent: FamilyNode;
}

export interface PlaceTreeNode {
  readonly kind: 'place';
  readonly place: PlaceNode;
  /** The checkpoint it lies in. */
  readonly entry: EntryNode;
  readonly parent: EntryNode | PlaceTreeNode;
}

export interface StudiesNode {
  readonly kind: 'studies';
  readonly studies: readonly StudyFile[];
}

export interface StudyNode {
  readonly kind: 'study';
  readonly study: StudyFile;
  readonly parent: StudiesNode;
}

/** Checkpoints of a workspace folder that is not on disk, which have not been copied yet. */
export interface VirtualFolderNode {
  readonly kind: 'virtual-folder';
  readonly name: string;
  readonly uri: vscode.Uri;
  readonly files: readonly vscode.Uri[];
}

export interface VirtualFileNode {
  readonly kind: 'virtual-file';
  readonly uri: vscode.Uri;
  readonly parent: VirtualFolderNode;
}

export interface StudyFile {
  readonly path: string;
  readonly name: string;
}

/** The node above, or `undefined` for a family and for the group of studies. */
export function parentOf(node: TreeNode): TreeNode | undefined {
  return 'parent' in node ? node.parent : undefined;
}

/** The file or folder that a node stands for; a layer, module or tensor stands for none. */
export function nodePath(node: TreeNode): string | undefined {
  if (node.kind === 'entry') return node.entry.path;
  return node.kind === 'study' ? node.study.path : undefined;
}
