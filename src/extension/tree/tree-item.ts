import * as vscode from 'vscode';
import type { ExplorerEntry, PlaceNode } from '../../protocol/explorer';
import { byteSize, describeEntry, describePlace, isUnreadable } from './describe';
import type { EntryNode, FamilyNode, PlaceTreeNode, StudiesNode, StudyNode, TreeNode } from './nodes';
import type { VirtualFileNode, VirtualFolderNode } from './nodes';
import { shortPath } from './virtual-folder';

/** What an item shows beside its own node. */
export interface ItemSurroundings {
  /** Errors and warnings of the checkpoint and the files that belong to it. */
  readonly findings: number;
  /** Whether it was chosen with "Select as Base". */
  readonly selectedBase: boolean;
  /** Where the checkpoint lies; of a copy, where it was copied from. */
  readonly uri?: vscode.Uri;
}

const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;

/** The row of a node in the sidebar. Text from files is shown as text, never as Markdown. */
export function treeItem(node: TreeNode, surroundings: ItemSurroundings): vscode.TreeItem {
  switch (node.kind) {
    case 'family':
      return familyItem(node);
    case 'entry':
      return entryItem(node, surroundings);
    case 'place':
      return placeItem(node);
    case 'studies':
      return studiesItem(node);
    case 'study':
      return studyItem(node);
    case 'virtual-folder':
      return virtualFolderItem(node);
    case 'virtual-file':
      return virtualFileItem(node);
  }
}

function familyItem({ family }: FamilyNode): vscode.TreeItem {
  const item = new vscode.TreeItem(family.title, Expanded);
  item.id = `family:${family.id}`;
  item.contextValue = 'family';
  item.iconPath = new vscode.ThemeIcon('type-hierarchy');
  return item;
}

function entryItem(node: EntryNode, { findings, selectedBase, uri }: ItemSurroundings): vscode.TreeItem {
  const { entry, parent } = node;
  const unreadable = isUnreadable(entry);
  const item = new vscode.TreeItem(entry.name, unreadable ? None : Collapsed);
  item.id = `entry:${parent.family.id}:${entry.path}`;
  item.contextValue = unreadable ? 'unreadable' : entry.kind;
  // Brings the colour and the count of problems that VS Code keeps for the file.
  const place = uri ?? vscode.Uri.file(entry.path);
  item.resourceUri = place;
  item.iconPath = unreadable
    ? new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground'))
    : new vscode.ThemeIcon(ENTRY_ICONS[entry.kind]);
  item.description = [
    ...(selectedBase ? [vscode.l10n.t('selected as base')] : []),
    ...(findings > 0 ? [findingCount(findings)] : []),
    unreadable ? vscode.l10n.t('cannot be read') : describeEntry(entry),
  ].join(' · ');
  item.tooltip = entryTooltip(entry, findings, place);
  item.accessibilityInformation = { label: `${entry.name}, ${KIND_NAMES[entry.kind]}, ${item.description}` };
  item.command = {
    command: 'deltalens.inspect',
    title: vscode.l10n.t('Inspect Checkpoint'),
    arguments: [node],
  };
  return item;
}

function entryTooltip(entry: ExplorerEntry, findings: number, place: vscode.Uri): vscode.MarkdownString {
  const size = vscode.l10n.t(
    '{0} parameters in {1} tensors, {2}, {3}',
    entry.parameters.toLocaleString('en'),
    entry.tensors.toLocaleString('en'),
    entry.dtypes.join(', '),
    byteSize(entry.bytes),
  );
  return plainTooltip([
    entry.name,
    `${KIND_NAMES[entry.kind]}${entry.adapterKind ? `, ${entry.adapterKind}` : ''}`,
    ...(isUnreadable(entry) ? [] : [size]),
    ...(entry.problem === undefined ? [] : [entry.problem]),
    ...(findings > 0 ? [findingCount(findings)] : []),
    ...(entry.basePath ? [vscode.l10n.t('base: {0}', entry.basePath)] : []),
    place.scheme === 'file' ? entry.path : place.toString(true),
  ]);
}

function placeItem(node: PlaceTreeNode): vscode.TreeItem {
  const { place, entry } = node;
  const item = new vscode.TreeItem(place.label, place.kind === 'tensor' ? None : Collapsed);
  item.contextValue = place.kind;
  item.iconPath = new vscode.ThemeIcon(PLACE_ICONS[place.kind]);
  item.description = describePlace(place);
  item.tooltip = plainTooltip([place.label, describePlace(place)]);
  if (place.kind === 'tensor') {
    item.command = {
      command: 'deltalens.inspect',
      title: vscode.l10n.t('Inspect Checkpoint'),
      arguments: [entry, undefined, place.key],
    };
  }
  return item;
}

function studiesItem(_node: StudiesNode): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Studies'), Expanded);
  item.id = 'studies';
  item.contextValue = 'studies';
  item.iconPath = new vscode.ThemeIcon('beaker');
  return item;
}

function studyItem(node: StudyNode): vscode.TreeItem {
  const item = new vscode.TreeItem(node.study.name, None);
  item.id = `study:${node.study.path}`;
  item.contextValue = 'study';
  item.resourceUri = vscode.Uri.file(node.study.path);
  item.iconPath = new vscode.ThemeIcon('graph');
  item.tooltip = plainTooltip([node.study.name, node.study.path]);
  item.command = { command: 'deltalens.openStudy', title: vscode.l10n.t('Open Study'), arguments: [node] };
  return item;
}

function virtualFolderItem({ name, uri }: VirtualFolderNode): vscode.TreeItem {
  const item = new vscode.TreeItem(name, Expanded);
  item.id = `virtual-folder:${uri.toString()}`;
  item.contextValue = 'virtual-folder';
  item.iconPath = new vscode.ThemeIcon('cloud');
  item.description = vscode.l10n.t('not copied yet');
  item.tooltip = plainTooltip([
    uri.toString(true),
    vscode.l10n.t('Not on a disk of this machine: a checkpoint is copied when it is opened.'),
  ]);
  return item;
}

function virtualFileItem(node: VirtualFileNode): vscode.TreeItem {
  const item = new vscode.TreeItem(shortPath(node.uri), None);
  item.id = `virtual-file:${node.uri.toString()}`;
  item.contextValue = 'virtual-file';
  item.resourceUri = node.uri;
  item.iconPath = new vscode.ThemeIcon('package');
  item.tooltip = plainTooltip([node.uri.toString(true)]);
  item.command = {
    command: 'deltalens.inspect',
    title: vscode.l10n.t('Inspect Checkpoint'),
    arguments: [node],
  };
  return item;
}

/** Names and paths come from files: `appendText` escapes what Markdown would take for its own. */
function plainTooltip(lines: readonly string[]): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString();
  tooltip.isTrusted = false;
  lines.forEach((line, index) => {
    if (index > 0) tooltip.appendMarkdown('\n\n');
    tooltip.appendText(line);
  });
  return tooltip;
}

function findingCount(findings: number): string {
  return findings === 1 ? vscode.l10n.t('1 finding') : vscode.l10n.t('{0} findings', findings);
}

const ENTRY_ICONS: Readonly<Record<ExplorerEntry['kind'], string>> = {
  base: 'package',
  'fine-tune': 'git-branch',
  adapter: 'extensions',
  checkpoint: 'package',
};

const KIND_NAMES: Readonly<Record<ExplorerEntry['kind'], string>> = {
  base: vscode.l10n.t('base'),
  'fine-tune': vscode.l10n.t('fine-tune'),
  adapter: vscode.l10n.t('adapter'),
  checkpoint: vscode.l10n.t('checkpoint'),
};

const PLACE_ICONS: Readonly<Record<PlaceNode['kind'], string>> = {
  layer: 'layers',
  module: 'symbol-module',
  tensor: 'symbol-array',
};
