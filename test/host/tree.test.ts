import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import type { EntryNode, TreeNode } from '../../src/extension/tree/nodes';
import { childrenOf, eventually, labelOf, sample } from './extension';

async function family(title: string): Promise<TreeNode> {
  const roots = await childrenOf();
  const found = roots.find(({ item }) => labelOf(item) === title);
  assert.ok(found, `${title} among ${roots.map(({ item }) => labelOf(item)).join(', ')}`);
  return found.node;
}

async function entries(title: string): Promise<{ node: EntryNode; item: vscode.TreeItem }[]> {
  return (await childrenOf(await family(title))).flatMap(({ node, item }) =>
    node.kind === 'entry' ? [{ node, item }] : [],
  );
}

describe('sidebar tree', () => {
  it('lists the families of the samples, and the studies after them', async () => {
    const labels = (await childrenOf()).map(({ item }) => labelOf(item));
    assert.deepEqual(labels, ['charlm', 'moe-toy', 'vit-digits', 'Studies']);
  });

  it('lists the base first, then fine-tunes, then the adapters of a family', async () => {
    const kinds = (await entries('charlm')).map(({ node }) => node.entry.kind);
    assert.deepEqual(kinds, ['base', ...new Array<string>(5).fill('fine-tune'), 'adapter', 'adapter']);
    const names = (await entries('vit-digits')).map(({ item }) => labelOf(item));
    assert.equal(names[0], 'base');
    assert.deepEqual(names.slice(1).sort(), ['invert', 'rot90', 'vflip']);
  });

  it('says what a checkpoint is made of', async () => {
    const [base] = await entries('vit-digits');
    assert.ok(base);
    assert.match(String(base.item.description), /F32 · 204 K · 81\d kB/);
    assert.ok(base.item.tooltip instanceof vscode.MarkdownString);
    assert.match(base.item.tooltip.value, /203,850/);
    assert.equal(base.item.tooltip.isTrusted, false);
  });

  it('leads from a checkpoint to its layers, modules and tensors', async () => {
    const [base] = await entries('vit-digits');
    assert.ok(base);
    const layers = (await childrenOf(base.node)).filter(({ item }) => item.contextValue === 'layer');
    assert.ok(layers.length >= 6);
    const numbered = layers.map(({ item }) => labelOf(item)).filter((label) => /^layer \d+$/.test(label));
    assert.deepEqual(numbered, ['layer 0', 'layer 1', 'layer 2', 'layer 3', 'layer 4', 'layer 5']);
    const layer = layers.find(({ item }) => labelOf(item) === 'layer 3');
    assert.ok(layer);
    const modules = await childrenOf(layer.node);
    const query = modules.find(({ item }) => labelOf(item) === 'attention.query');
    assert.ok(query, modules.map(({ item }) => labelOf(item)).join(', '));
    const tensors = await childrenOf(query.node);
    assert.deepEqual(
      tensors.map(({ node }) => (node.kind === 'place' ? node.place.key : '')).sort(),
      ['bias', 'weight'].map((name) => `vit.encoder.layer.3.attention.attention.query.${name}`),
    );
    assert.equal(tensors[0]?.item.collapsibleState, vscode.TreeItemCollapsibleState.None);
  });

  it('takes up a new checkpoint without a command', async () => {
    const copy = sample('vit-digits', 'another');
    fs.cpSync(sample('vit-digits', 'rot90').fsPath, copy.fsPath, { recursive: true });
    try {
      await eventually('the new checkpoint', async () => {
        const names = (await entries('vit-digits')).map(({ item }) => labelOf(item));
        return names.includes('another') ? names : undefined;
      });
    } finally {
      fs.rmSync(copy.fsPath, { recursive: true });
    }
    await eventually('the checkpoint to go', async () => {
      const names = (await entries('vit-digits')).map(({ item }) => labelOf(item));
      return names.includes('another') ? undefined : names;
    });
  });

  it('takes up a folder that is moved into the workspace', async () => {
    // Beside the workspace, so that moving it is one step of the file system.
    const outside = `${sample().fsPath}-moved`;
    const inside = sample('vit-digits', 'moved').fsPath;
    fs.cpSync(sample('vit-digits', 'rot90').fsPath, outside, { recursive: true });
    fs.renameSync(outside, inside);
    try {
      await eventually('the folder', async () =>
        (await entries('vit-digits')).some(({ item }) => labelOf(item) === 'moved'),
      );
    } finally {
      fs.rmSync(inside, { recursive: true });
    }
  });

  it('counts what is wrong with the configuration of an adapter in its row', async () => {
    const copy = sample('charlm', 'lora', 'counted');
    fs.cpSync(sample('charlm', 'lora', 'json-r8').fsPath, copy.fsPath, { recursive: true });
    const config = vscode.Uri.joinPath(copy, 'adapter_config.json').fsPath;
    fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replace('"r": 8', '"r": 16'));
    try {
      await eventually('the row with its count', async () => {
        const row = (await entries('charlm')).find(({ item }) => labelOf(item) === 'counted');
        return /(^| )1 finding /.test(String(row?.item.description));
      });
    } finally {
      fs.rmSync(copy.fsPath, { recursive: true });
    }
  });

  it('marks the selected base until it is cleared', async () => {
    const marked = async () =>
      (await entries('vit-digits')).filter(({ item }) => /selected as base/.test(String(item.description)));
    const rot90 = (await entries('vit-digits')).find(({ item }) => labelOf(item) === 'rot90');
    await vscode.commands.executeCommand('deltalens.selectAsBase', rot90?.node);
    assert.deepEqual(
      (await marked()).map(({ item }) => labelOf(item)),
      ['rot90'],
    );
    await vscode.commands.executeCommand('deltalens.clearBase');
    assert.deepEqual(await marked(), []);
  });
});
