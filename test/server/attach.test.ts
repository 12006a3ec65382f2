import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { CompletionItem } from 'vscode-languageserver-protocol/node';
import type { StudySpec } from '../../src/protocol/study';
import { TestClient } from './client';
import { temporaryFolder, writeTensors, writeText } from './files';

const samples = path.resolve('samples');
const folder = temporaryFolder();
const place = (...names: string[]) => path.join(folder, ...names);
let client: TestClient;

before(async () => {
  fs.cpSync(path.join(samples, 'vit-digits', 'onnx'), place('onnx'), { recursive: true });
  for (const name of ['clean-val.npz', 'rot90-val.npz']) {
    fs.mkdirSync(place('data'), { recursive: true });
    fs.copyFileSync(path.join(samples, 'vit-digits', 'data', name), place('data', name));
  }
  writeText(place('broken', 'broken.onnx'), 'nothing of the kind');
  writeText(place('data', 'texts.csv'), 'text,label\nhello,1\n');
  writeText(place('data', 'readme.txt'), 'No data.');
  writeTensors(place('other', 'model.safetensors'), { w: { shape: [2, 2] } });
  client = await TestClient.start(folder);
});
after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

const study: StudySpec = {
  name: 'digits',
  base: path.join(samples, 'vit-digits', 'base', 'model.safetensors'),
  tasks: [{ name: 'rot90', path: path.join(samples, 'vit-digits', 'rot90') }],
  file: place('digits.study.yaml'),
};

test('graphs are found with the reason why they fit the base, those that fit first', async () => {
  const found = await client.request('deltalens/findGraphs', { study, roots: [folder] });
  assert.ok(found.ok);
  const [fitting, broken] = found.value;
  assert.equal(fitting?.path, place('onnx', 'base.onnx'));
  assert.equal(fitting.fit, 'yes');
  assert.match(fitting.reason, /^(\d+) of \1 weights are tensors of the base/);
  assert.equal(broken?.fit, 'no');
  assert.match(broken.reason, /broken\.onnx/);
});

test('a graph of another network is told by the weights that have no counterpart', async () => {
  const other = { ...study, base: place('other', 'model.safetensors') };
  const found = await client.request('deltalens/findGraphs', { study: other, roots: [folder] });
  assert.ok(found.ok);
  const graph = found.value.find((each) => each.path.endsWith('base.onnx'));
  assert.equal(graph?.fit, 'no');
  assert.match(graph.reason, /have no counterpart in the base, such as .*\[/);
});

test('data that feed the graph are proposed under the names of tasks, others listed with what they lack', async () => {
  const graph = place('onnx', 'base.onnx');
  const found = await client.request('deltalens/findData', { study, graph, roots: [folder] });
  assert.ok(found.ok);
  assert.deepEqual(
    found.value.map(({ name, fit, proposed }) => [name, fit, proposed]),
    [
      ['clean-val', 'yes', true],
      ['rot90', 'yes', true],
      ['texts', 'no', false],
    ],
  );
  assert.match(found.value[0]?.reason ?? '', /^[\d,]+ samples for pixel_values; labels: /);
  assert.ok((found.value[2]?.reason.length ?? 0) > 10);
});

test('the command that exports a model follows from the configuration beside it', async () => {
  const found = await client.request('deltalens/exportCommand', { path: study.base ?? '' });
  assert.ok(found.ok);
  assert.match(found.value.text, /--model \S+vit-digits\/base --task image-classification /);
});

test('what was found can be written into a new study and read back', async () => {
  const graph = place('onnx', 'base.onnx');
  const data = [{ name: 'rot90', path: place('data', 'rot90-val.npz') }];
  const file = place('digits.study.yaml');
  const written = await client.request('deltalens/attach', {
    path: file,
    text: null,
    study,
    attachment: { graph, data },
  });
  assert.ok(written.ok);
  const read = await client.request('deltalens/readStudy', { path: file, text: written.value.text });
  assert.ok(read.ok);
  assert.deepEqual(read.value, { ...study, graph, data });
});

test('a study that is being written is completed where the cursor is', async () => {
  const uri = pathToFileURL(place('typed.study.yaml')).href;
  const text = 'base: b\ngr';
  await client.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'deltalens-study', version: 1, text },
  });
  const items = await client.connection.sendRequest<CompletionItem[]>('textDocument/completion', {
    textDocument: { uri },
    position: { line: 1, character: 2 },
  });
  const graph = items.find(({ label }) => label === 'graph');
  const range = { start: { line: 1, character: 0 }, end: { line: 1, character: 2 } };
  assert.deepEqual(graph?.textEdit, { range, newText: 'graph: ' });
});
