import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { closeAll, eventually, sample } from './extension';

/** Confirms whatever quick pick is open, until what is waited for has happened. */
async function confirmUntil(what: string, happened: () => boolean): Promise<void> {
  await eventually(what, async () => {
    await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    return happened() || undefined;
  });
}

describe('attaching a graph and data', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-attach-'));
  const files = vscode.workspace.getConfiguration('files');
  before(() => files.update('autoSave', 'off', vscode.ConfigurationTarget.Global));
  after(async () => {
    await files.update('autoSave', undefined, vscode.ConfigurationTarget.Global);
    fs.rmSync(folder, { recursive: true });
  });
  afterEach(closeAll);

  it('writes the proposal into a study that is open with changes, and leaves it unsaved', async () => {
    const file = path.join(folder, 'own.study.yaml');
    const tasks = `tasks:\n  rot90: ${sample('vit-digits', 'rot90').fsPath}\n`;
    fs.writeFileSync(file, `base: ${sample('vit-digits', 'base').fsPath}\n${tasks}`);
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '# not saved\n'));
    const done = vscode.commands.executeCommand('deltalens.attachNetwork', document.uri);
    await confirmUntil('the graph in the study', () => /graph: .*base\.onnx/.test(document.getText()));
    await done;
    assert.match(document.getText(), /^# not saved\nbase: .*\ntasks:\n {2}rot90: .*\ngraph: /);
    assert.match(document.getText(), /\n {2}rot90: .*rot90-val\.npz\n/);
    assert.ok(document.isDirty);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('offers to run a study and to attach to it above its first key', async () => {
    const uri = sample('vit-digits.study.yaml');
    await vscode.workspace.openTextDocument(uri);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri,
    );
    const commands = lenses.map(({ command }) => command?.command);
    for (const name of ['openStudy', 'runLens', 'attachNetwork'])
      assert.ok(commands.includes(`deltalens.${name}`), name);
    assert.equal(lenses[0]?.range.start.line, 1);
  });
});
