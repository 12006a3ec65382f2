import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { CodeAction, TextDocumentEdit } from 'vscode-languageserver-protocol/node';
import { TestClient, uriOf, type PlainDiagnostic } from './client';
import { temporaryFolder, writeTensors, writeText } from './files';

const ERROR = 1;
const WHOLE_FILE = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const BASE_TENSORS = {
  'model.layers.0.self_attn.q_proj.weight': { shape: [4, 4] },
  'model.layers.0.self_attn.v_proj.weight': { shape: [4, 4] },
};

const folder = temporaryFolder();
const at = (...names: string[]) => path.join(folder, ...names);
let client: TestClient;

before(async () => {
  writeTensors(at('base', 'model.safetensors'), BASE_TENSORS);
  client = await TestClient.start(folder);
});

after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

/** What the server says next of a file, once `act` is done. */
async function publishedFor(file: string, act: () => Promise<void>): Promise<PlainDiagnostic[]> {
  const next = client.diagnostics.next(({ uri }) => uri === uriOf(file));
  await act();
  return (await next).diagnostics;
}

function adapterConfig(fields: Record<string, unknown> = {}): string {
  const config = {
    peft_type: 'LORA',
    base_model_name_or_path: '../base',
    r: 2,
    lora_alpha: 4,
    target_modules: ['q_proj'],
    ...fields,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function writeAdapter(name: string, fields: Record<string, unknown> = {}): string {
  const module = 'base_model.model.model.layers.0.self_attn.q_proj';
  writeTensors(at(name, 'adapter_model.safetensors'), {
    [`${module}.lora_A.weight`]: { shape: [2, 4], values: Array(8).fill(0.5) },
    [`${module}.lora_B.weight`]: { shape: [4, 2], values: Array(8).fill(0.5) },
  });
  return writeText(at(name, 'adapter_config.json'), adapterConfig(fields));
}

/** The part of a diagnostic that does not depend on how it is put into words. */
function outline({ code, severity, range, source }: PlainDiagnostic) {
  return { code, severity, range, source };
}

test('a truncated checkpoint says by how many bytes it is short, on its own URI, and is fine again once it is whole', async () => {
  const file = writeTensors(at('short', 'model.safetensors'), BASE_TENSORS);
  const whole = fs.readFileSync(file);
  fs.truncateSync(file, whole.length - 6);
  const broken = await publishedFor(file, () => client.changedOnDisk(file, 'created'));
  assert.deepEqual(broken.map(outline), [
    { code: 'file-truncated', severity: ERROR, range: WHOLE_FILE, source: 'deltalens' },
  ]);
  assert.match(broken[0]?.message ?? '', /is 6 bytes short/);
  // What is wrong, and below it what to do.
  assert.equal(broken[0]?.message.split('\n').length, 2);

  fs.writeFileSync(file, whole);
  const mended = await publishedFor(file, () => client.changedOnDisk(file, 'changed'));
  assert.deepEqual(mended, []);
});

test('NaN and infinities are found by tensor name and position', async () => {
  const file = writeTensors(at('nan', 'model.safetensors'), {
    'layers.0.good': { shape: [2], values: [1, 2] },
    'layers.0.bad': { shape: [2, 3], values: [0, 0, 0, 0, Number.NaN, -Infinity] },
  });
  const [diagnostic, ...more] = await publishedFor(file, () => client.changedOnDisk(file, 'created'));
  assert.deepEqual(more, []);
  assert.equal(diagnostic?.code, 'tensor-nan');
  assert.match(diagnostic?.message ?? '', /layers\.0\.bad.*NaN at \[1, 1\].*-Inf at \[1, 2\]/);
});

test('an index that names a missing shard has the error at the name of the shard', async () => {
  const shard = writeTensors(at('sharded', 'model-00001-of-00002.safetensors'), { a: { shape: [1] } });
  const text = JSON.stringify(
    { metadata: {}, weight_map: { a: path.basename(shard), b: 'model-00002-of-00002.safetensors' } },
    null,
    2,
  );
  const index = writeText(at('sharded', 'model.safetensors.index.json'), text);
  const broken = await publishedFor(index, () => client.open(index, text));
  const line = text.split('\n').findIndex((each) => each.includes('00002-of-00002'));
  const [missing] = broken.filter(({ code }) => code === 'shard-missing');
  assert.equal(missing?.severity, ERROR);
  assert.equal(missing?.range.start.line, line);
  const character = missing?.range.start.character ?? 0;
  assert.ok(text.split('\n')[line]?.slice(character).includes('model-00002-of-00002.safetensors'));

  // The shard arrives: nobody edits the index, and still its error goes.
  const arrived = writeTensors(at('sharded', 'model-00002-of-00002.safetensors'), { b: { shape: [1] } });
  const mended = await publishedFor(index, () => client.changedOnDisk(arrived, 'created'));
  assert.deepEqual(
    mended.filter(({ severity }) => severity === ERROR),
    [],
  );
});

test('an adapter configuration is checked against its tensors while it is edited, and the error goes with the edit', async () => {
  const file = writeAdapter('wrong-rank', { r: 3 });
  const text = fs.readFileSync(file, 'utf8');
  const broken = await publishedFor(file, () => client.open(file, text));
  const line = text.split('\n').findIndex((each) => each.includes('"r": 3'));
  const rank = broken.filter(({ range }) => range.start.line === line);
  assert.deepEqual(rank.map(outline), [
    {
      code: 'rank-mismatch',
      severity: ERROR,
      range: { start: { line, character: 7 }, end: { line, character: 8 } },
      source: 'deltalens',
    },
  ]);

  const edit = { range: rank[0]?.range, text: '2' };
  const mended = await publishedFor(file, () =>
    client.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: uriOf(file), version: 2 },
      contentChanges: [edit],
    }),
  );
  assert.deepEqual(mended, []);
});

test('an adapter whose B is all zeros changes nothing, which is said', async () => {
  const file = writeAdapter('idle');
  const module = 'base_model.model.model.layers.0.self_attn.q_proj';
  writeTensors(at('idle', 'adapter_model.safetensors'), {
    [`${module}.lora_A.weight`]: { shape: [2, 4], values: Array(8).fill(0.5) },
    [`${module}.lora_B.weight`]: { shape: [4, 2] },
  });
  const found = await publishedFor(file, () => client.open(file, fs.readFileSync(file, 'utf8')));
  assert.ok(found.some(({ message }) => /lora_B/.test(message)));
});

test('a quick fix edits the version of the document that was checked, and mends it', async () => {
  const file = writeAdapter('misspelt', { lora_alpha: undefined, lora_alpah: 4 });
  const text = fs.readFileSync(file, 'utf8');
  const found = await publishedFor(file, () => client.open(file, text));
  const [diagnostic] = found.filter(({ message }) => message.includes('lora_alpah'));
  assert.ok(diagnostic, JSON.stringify(found));
  const textDocument = { uri: uriOf(file) };
  const context = { diagnostics: [diagnostic] };
  const actions = await client.connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
    textDocument,
    range: diagnostic.range,
    context,
  });
  assert.equal(actions.length, 1);
  const [change] = (actions[0]?.edit?.documentChanges ?? []) as TextDocumentEdit[];
  assert.deepEqual(change?.textDocument, { uri: uriOf(file), version: 1 });

  const contentChanges = change?.edits.map(
    (edit) => 'newText' in edit && { range: edit.range, text: edit.newText },
  );
  const mended = await publishedFor(file, () =>
    client.connection.sendNotification('textDocument/didChange', {
      textDocument: { ...textDocument, version: 2 },
      contentChanges,
    }),
  );
  assert.deepEqual(mended, []);
});

test('a document too long to be followed is checked from disk when it is saved, not while it is edited', async () => {
  const shard = writeTensors(at('long', 'model-00001-of-00001.safetensors'), { a: { shape: [1] } });
  const indexOf = (name: string) =>
    `${JSON.stringify({ metadata: { note: 'x'.repeat(3_000_000) }, weight_map: { a: name } })}\n`;
  const file = writeText(at('long', 'model.safetensors.index.json'), indexOf('missing.safetensors'));
  const textDocument = { uri: uriOf(file), version: 2 };
  const codes = (found: PlainDiagnostic[]) => found.map(({ code }) => code);
  const broken = await publishedFor(file, () => client.open(file, indexOf('missing.safetensors')));
  assert.ok(codes(broken).includes('shard-missing'));

  const start = { line: 0, character: 0 };
  await client.connection.sendNotification('textDocument/didChange', {
    textDocument,
    contentChanges: [{ range: { start, end: start }, text: '{{{ not JSON any more' }],
  });
  writeText(file, indexOf(path.basename(shard)));
  const mended = await publishedFor(file, () =>
    client.connection.sendNotification('textDocument/didSave', { textDocument }),
  );
  assert.ok(!codes(mended).includes('shard-missing'));
  assert.ok(!codes(mended).includes('json-syntax'));
});

test('the diagnostics of a folder go when the folder goes', async () => {
  const file = writeTensors(at('gone', 'deep', 'model.safetensors'), BASE_TENSORS);
  fs.truncateSync(file, fs.statSync(file).size - 1);
  const broken = await publishedFor(file, () => client.changedOnDisk(file, 'created'));
  assert.equal(broken.length, 1);
  fs.rmSync(at('gone'), { recursive: true });
  assert.deepEqual(await publishedFor(file, () => client.changedOnDisk(at('gone'), 'deleted')), []);
});

test('files are checked when the workspace opens, before anybody opens them', async () => {
  const other = temporaryFolder();
  const file = writeTensors(path.join(other, 'model.safetensors'), BASE_TENSORS);
  fs.truncateSync(file, fs.statSync(file).size - 2);
  const unasked = await TestClient.start(other);
  const { diagnostics } = await unasked.diagnostics.first(({ uri }) => uri === uriOf(file));
  assert.match(diagnostics[0]?.message ?? '', /is 2 bytes short/);
  await unasked.stop();
  fs.rmSync(other, { recursive: true });
});

test('a study that appears makes the server tell that the contents changed', async () => {
  const study = writeText(at('some.study.yaml'), 'base: base\n');
  const told = client.contentsChanged.next(() => true);
  await client.changedOnDisk(study, 'created');
  await told;
});

test('a file that is no concern of ours changes nothing', async () => {
  // What earlier changes have set off comes first.
  const pause = () => new Promise((resolve) => setTimeout(resolve, 700));
  await pause();
  const before = client.contentsChanged.received.length;
  await client.changedOnDisk(writeText(at('notes.txt'), 'nothing'), 'created');
  await pause();
  assert.equal(client.contentsChanged.received.length, before);
});
