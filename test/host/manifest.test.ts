import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import { closeAll, eventually, sample } from './extension';

const SCHEME = 'deltalens-manifest';

describe('manifests', () => {
  const base = () => sample('vit-digits', 'base', 'model.safetensors');
  const broken = () => sample('manifest-nan.safetensors');

  afterEach(closeAll);
  after(() => fs.rmSync(broken().fsPath, { force: true }));

  /** The manifest in front, once it is there. */
  async function opened(uri: vscode.Uri): Promise<vscode.TextDocument> {
    await vscode.commands.executeCommand('deltalens.openManifest', uri);
    return eventually('the manifest', () => {
      const document = vscode.window.activeTextEditor?.document;
      return document?.uri.scheme === SCHEME ? document : undefined;
    });
  }

  it('open by their command, read-only, with layers, modules and tensors as their outline', async () => {
    const document = await opened(base());
    assert.equal(document.languageId, 'checkpoint-manifest');
    assert.equal(vscode.workspace.fs.isWritableFileSystem(document.uri.scheme) ?? false, false);
    const layers = await eventually('the outline', async () => {
      const found = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
        'vscode.executeDocumentSymbolProvider',
        document.uri,
      );
      return found?.length > 0 ? found : undefined;
    });
    const names = layers.map(({ name }) => name);
    assert.deepEqual([names[0], names[1], names.at(-1)], ['input', 'layer 0', 'output']);
    const query = layers[1]?.children.find(({ name }) => name === 'attention.query');
    const weight = query?.children.find(({ name }) => name.endsWith('query.weight'));
    assert.ok(weight);
    assert.equal(
      document.getText(weight.selectionRange),
      'vit.encoder.layer.0.attention.attention.query.weight',
    );
  });

  it('show findings on the lines of tensors', async () => {
    const bytes = fs.readFileSync(base().fsPath);
    const header = Number(bytes.readBigUInt64LE(0));
    const tensors = JSON.parse(bytes.toString('utf8', 8, 8 + header)) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const name = 'vit.encoder.layer.2.output.dense.weight';
    bytes.writeFloatLE(Number.NaN, 8 + header + (tensors[name]?.data_offsets[0] ?? 0));
    fs.writeFileSync(broken().fsPath, bytes);
    const document = await opened(broken());
    const [diagnostic] = await eventually('a diagnostic', () => {
      const found = vscode.languages.getDiagnostics(document.uri);
      return found.length > 0 ? found : undefined;
    });
    assert.ok(diagnostic);
    assert.equal(diagnostic.code, 'tensor-nan');
    assert.equal(document.getText(diagnostic.range), name);
  });

  it('compare in the diff editor, two of them without offsets', async () => {
    const other = sample('vit-digits', 'rot90', 'model.safetensors');
    await vscode.commands.executeCommand('deltalens.compareManifests', base(), [base(), other]);
    const input = await eventually('the diff editor', () => {
      const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
      return tab?.input instanceof vscode.TabInputTextDiff ? tab.input : undefined;
    });
    const [left, right] = await Promise.all(
      [input.original, input.modified].map((uri) => vscode.workspace.openTextDocument(uri)),
    );
    const tensors = (text = '') => text.split('\n').filter((line) => line !== '' && !/^[#[]/.test(line));
    assert.equal(tensors(left?.getText()).length, 104);
    assert.deepEqual(tensors(left?.getText()), tensors(right?.getText()));
  });
});
