import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import { closeAll, drawnAfter, sample } from './extension';

describe('checkpoint editor', () => {
  const uri = () => sample('vit-digits', 'rot90', 'model.safetensors');

  afterEach(closeAll);

  it('opens a safetensors file and draws its tensors', async () => {
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('vscode.open', uri()),
      ({ page, count }) => page === 'checkpoint' && count > 0,
    );
    assert.equal(drawn.title, uri().fsPath);
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    assert.ok(input instanceof vscode.TabInputCustom);
    assert.equal(input.viewType, 'deltalens.checkpoint');
  });

  it('opens the file of a folder that the explorer gives to Inspect Checkpoint', async () => {
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.inspect', sample('vit-digits', 'base')),
      ({ page, count }) => page === 'checkpoint' && count > 0,
    );
    assert.equal(drawn.title, sample('vit-digits', 'base', 'model.safetensors').fsPath);
  });

  it('opens the adapter that was clicked', async () => {
    const config = sample('charlm', 'lora', 'json-r8', 'adapter_config.json');
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.inspect', config),
      ({ page, count }) => page === 'checkpoint' && count > 0,
    );
    assert.equal(drawn.title, sample('charlm', 'lora', 'json-r8', 'adapter_model.safetensors').fsPath);
  });

  it('draws again when the file changes on disk', async () => {
    const copy = sample('vit-digits', 'changing.safetensors');
    fs.copyFileSync(uri().fsPath, copy.fsPath);
    try {
      const isCopy = (title: string) => title === copy.fsPath;
      await drawnAfter(
        () => vscode.commands.executeCommand('vscode.open', copy),
        ({ title, count }) => isCopy(title) && count > 0,
      );
      const other = sample('charlm', 'json', 'model.safetensors');
      await drawnAfter(
        async () => fs.promises.copyFile(other.fsPath, copy.fsPath),
        ({ title }) => isCopy(title),
      );
    } finally {
      await closeAll();
      fs.rmSync(copy.fsPath);
    }
  });
});
