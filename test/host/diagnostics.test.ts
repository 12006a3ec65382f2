import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { closeAll, eventually, sample } from './extension';

describe('diagnostics', () => {
  const folder = () => sample('charlm', 'lora', 'broken-r8');
  const config = () => vscode.Uri.joinPath(folder(), 'adapter_config.json');

  before(() => {
    fs.cpSync(sample('charlm', 'lora', 'json-r8').fsPath, folder().fsPath, { recursive: true });
    const text = fs.readFileSync(config().fsPath, 'utf8');
    const broken = text.replace(/"r": 8/, '"r": 16');
    assert.notEqual(broken, text);
    fs.writeFileSync(config().fsPath, broken);
  });

  after(async () => {
    await closeAll();
    fs.rmSync(folder().fsPath, { recursive: true });
  });

  // It is a copy of a sample, which is found as well.
  const own = () =>
    vscode.languages
      .getDiagnostics(config())
      .filter(({ source, code }) => source === 'deltalens' && code !== 'adapter-near-duplicate');

  it('tell of a rank that the tensors do not have, at its place, before the file is opened', async () => {
    const found = await eventually('a diagnostic', () => (own().length > 0 ? own() : undefined));
    assert.equal(found.length, 1);
    const [diagnostic] = found;
    assert.ok(diagnostic);
    assert.equal(diagnostic.code, 'rank-mismatch');
    assert.equal(diagnostic.severity, vscode.DiagnosticSeverity.Error);
    const document = await vscode.workspace.openTextDocument(config());
    assert.equal(document.getText(diagnostic.range), '16');
    assert.equal(diagnostic.message, 'r is 16, but the tensors have rank 8 (28 modules).\nSet r to 8.');
  });

  it('offer the fix, which makes them go', async () => {
    const [diagnostic] = await eventually('a diagnostic', () => (own().length > 0 ? own() : undefined));
    assert.ok(diagnostic);
    const document = await vscode.workspace.openTextDocument(config());
    await vscode.window.showTextDocument(document);
    const [action] = await eventually('a code action', async () => {
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        diagnostic.range,
        vscode.CodeActionKind.QuickFix.value,
      );
      return actions.length > 0 ? actions : undefined;
    });
    assert.ok(action?.edit);
    assert.equal(action.title, 'Set r to 8');
    assert.ok(await vscode.workspace.applyEdit(action.edit));
    assert.match(document.getText(), /"r": 8\b/);
    assert.ok(await document.save());
    await eventually('the diagnostic to go', () => (own().length === 0 ? true : undefined));
  });

  it('tell how many bytes a truncated checkpoint is short, on the checkpoint itself', async () => {
    const file = path.join(folder().fsPath, 'adapter_model.safetensors');
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.subarray(0, bytes.length - 1000));
    const uri = vscode.Uri.file(file);
    const [diagnostic] = await eventually('a diagnostic', () => {
      const found = vscode.languages.getDiagnostics(uri);
      return found.length > 0 ? found : undefined;
    });
    assert.ok(diagnostic);
    assert.equal(diagnostic.severity, vscode.DiagnosticSeverity.Error);
    assert.equal(diagnostic.code, 'file-truncated');
    assert.ok(diagnostic.message.includes('is 1000 bytes short'), diagnostic.message);
    assert.ok(diagnostic.range.isEqual(new vscode.Range(0, 0, 0, 0)));
  });
});
