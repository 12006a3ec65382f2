import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as vscode from 'vscode';
import { closeAll, drawnAfter, eventually, sample } from './extension';
import { MemoryFiles } from './memory-files';

const SCHEME = 'deltalens-test-memory';

/** A safetensors file of float32 vectors. */
function safetensors(tensors: Readonly<Record<string, readonly number[]>>): Uint8Array {
  let offset = 0;
  const header = Object.entries(tensors).map(([name, values]) => {
    const data_offsets = [offset, (offset += 4 * values.length)];
    return [name, { dtype: 'F32', shape: [values.length], data_offsets }] as const;
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const values = new Float32Array(Object.values(tensors).flat());
  return Buffer.concat([length, text, Buffer.from(values.buffer)]);
}

describe('files without a local path', () => {
  const memory = new MemoryFiles();
  let registration: vscode.Disposable | undefined;
  const uri = (path: string) => vscode.Uri.from({ scheme: SCHEME, path });

  before(() => {
    registration = vscode.workspace.registerFileSystemProvider(SCHEME, memory, { isReadonly: true });
  });
  afterEach(closeAll);
  after(async () => {
    await vscode.commands.executeCommand('deltalens.clearCache');
    registration?.dispose();
  });

  async function manifestOf(asked: vscode.Uri): Promise<vscode.TextDocument> {
    await vscode.commands.executeCommand('deltalens.openManifest', asked);
    return eventually('the manifest', () => {
      const document = vscode.window.activeTextEditor?.document;
      return document?.languageId === 'checkpoint-manifest' ? document : undefined;
    });
  }

  it('open in the checkpoint editor, a sharded model with all that its index names', async () => {
    const [one, two] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = uri('/models/sharded/model.safetensors.index.json');
    memory.put(uri(`/models/sharded/${one}`), safetensors({ 'layers.0.weight': [1, 2, 3] }));
    memory.put(uri(`/models/sharded/${two}`), safetensors({ 'layers.1.weight': [4, 5, 6] }));
    const weight_map = { 'layers.0.weight': one, 'layers.1.weight': two };
    memory.put(index, Buffer.from(JSON.stringify({ metadata: { total_size: 24 }, weight_map })));
    const drawn = await drawnAfter(
      () => vscode.commands.executeCommand('deltalens.inspect', index),
      ({ page, title }) => page === 'checkpoint' && title === index.toString(true),
    );
    assert.equal(drawn.count, 2);
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    assert.ok(input instanceof vscode.TabInputCustom);
    assert.equal(input.uri.toString(), index.toString());
  });

  it('open as a manifest by their folder, an adapter with its configuration, and are copied once', async () => {
    const folder = sample('charlm', 'lora', 'json-r8').fsPath;
    for (const name of ['adapter_model.safetensors', 'adapter_config.json']) {
      memory.put(uri(`/lora/${name}`), fs.readFileSync(`${folder}/${name}`));
    }
    const document = await manifestOf(uri('/lora'));
    assert.match(document.getText(), /^# rank: 8$/m);
    assert.match(document.getText(), /^# file 1: adapter_model\.safetensors|^# checkpoint manifest: lora/m);
    await closeAll();
    await manifestOf(uri('/lora/adapter_model.safetensors'));
    assert.equal(memory.reads.get('/lora/adapter_model.safetensors'), 1);
  });

  it('are read again when they change, and their findings are at their own address', async () => {
    const file = uri('/changing/model.safetensors');
    memory.put(file, safetensors({ before: [1, 2] }));
    const document = await manifestOf(file);
    assert.match(document.getText(), /^before /m);
    memory.put(file, safetensors({ after: [1, Number.NaN, 3] }));
    await eventually('the new text', () => /^after /m.test(document.getText()));
    const [diagnostic] = await eventually('the finding', () => {
      const found = vscode.languages.getDiagnostics(file);
      return found.length > 0 ? found : undefined;
    });
    assert.equal(diagnostic?.code, 'tensor-nan');
    assert.match(diagnostic.message, /after/);
  });
});
