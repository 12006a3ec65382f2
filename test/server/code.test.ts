import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { DocumentLink, Hover } from 'vscode-languageserver-protocol/node';
import { TestClient, uriOf, type PlainDiagnostic } from './client';
import { temporaryFolder, writeTensors, writeText } from './files';

const folder = temporaryFolder();
const outside = temporaryFolder();
const at = (...names: string[]) => path.join(folder, ...names);
const MODULE = 'base_model.model.model.layers.0.self_attn.q_proj';
let client: TestClient;

before(async () => {
  writeTensors(at('models', 'base', 'model.safetensors'), {
    'model.layers.0.self_attn.q_proj.weight': { shape: [4, 4], values: [Number.NaN] },
  });
  writeTensors(at('models', 'lora', 'adapter_model.safetensors'), {
    [`${MODULE}.lora_A.weight`]: { shape: [2, 4], values: Array(8).fill(0.5) },
    [`${MODULE}.lora_B.weight`]: { shape: [4, 2], values: Array(8).fill(0.5) },
  });
  const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
  writeText(at('models', 'lora', 'adapter_config.json'), JSON.stringify(config));
  writeTensors(path.join(outside, 'secret.safetensors'), { a: { shape: [1] } });
  fs.symlinkSync(outside, at('link'));
  client = await TestClient.start(folder);
});

after(async () => {
  await client.stop();
  for (const each of [folder, outside]) fs.rmSync(each, { recursive: true });
});

async function open(file: string, languageId: string, text: string): Promise<string> {
  const uri = uriOf(file);
  const textDocument = { uri, languageId, version: 1, text };
  await client.connection.sendNotification('textDocument/didOpen', { textDocument });
  return uri;
}

async function linksIn(uri: string): Promise<string[]> {
  const textDocument = { uri };
  const links = await client.connection.sendRequest<DocumentLink[]>('textDocument/documentLink', {
    textDocument,
  });
  return links.map(({ target }) => String(target));
}

async function hoverAt(uri: string, line: number, character: number): Promise<string | null> {
  const params = { textDocument: { uri }, position: { line, character } };
  const hover = await client.connection.sendRequest<Hover | null>('textDocument/hover', params);
  return hover && JSON.stringify(hover.contents);
}

/** What is published for a document next, once `act` is done. */
async function publishedFor(uri: string, act: () => Promise<unknown>): Promise<PlainDiagnostic[]> {
  const next = client.diagnostics.next((sent) => sent.uri === uri);
  await act();
  return (await next).diagnostics;
}

test('strings that lead to a checkpoint or an adapter, from the document or the workspace folder, are links', async () => {
  const text = [
    'base = "../models/base"',
    'lora = "models/lora/adapter_model.safetensors"',
    `whole = "${at('models', 'base', 'model.safetensors')}"`,
    'other = "../models"',
    'none = "../models/none.safetensors"',
  ].join('\n');
  const uri = await open(at('src', 'train.py'), 'python', text);
  assert.deepEqual(await linksIn(uri), [
    uriOf(at('models', 'base', 'model.safetensors')),
    uriOf(at('models', 'lora', 'adapter_model.safetensors')),
    uriOf(at('models', 'base', 'model.safetensors')),
  ]);
});

test('nothing outside the workspace is looked at, by whatever way', async () => {
  const text = [
    path.join(outside, 'secret.safetensors'),
    path.relative(folder, path.join(outside, 'secret.safetensors')),
    'link/secret.safetensors',
  ]
    .map((name, index) => `p${String(index)} = "${name}"`)
    .join('\n');
  const uri = await open(at('outside.toml'), 'plaintext', text);
  assert.deepEqual(await linksIn(uri), []);
  assert.equal(await hoverAt(uri, 2, 8), null);
});

test('a hover over an adapter tells kind, rank and size, over a checkpoint what is wrong with it', async () => {
  await client.diagnostics.first(
    ({ uri, diagnostics }) =>
      uri === uriOf(at('models', 'base', 'model.safetensors')) && diagnostics.length > 0,
  );
  const text = 'base: models/base/model.safetensors\nadapter: models/lora\n';
  const uri = await open(at('config.yaml'), 'yaml', text);
  assert.match((await hoverAt(uri, 1, 12)) ?? '', /LoRA adapter · rank 2 .*2 tensors · 16 parameters/);
  assert.match((await hoverAt(uri, 0, 12)) ?? '', /Checkpoint .*16 parameters.*error: Tensor .* NaN/);
  assert.equal(await hoverAt(uri, 0, 2), null);
});

test('a path that leads to no checkpoint is told of while it does', async () => {
  const text = '{ "model": "models/late.safetensors", "data": "models/data.csv", "part": "late.pt" }';
  const uri = uriOf(at('run.json'));
  const [missing, ...more] = await publishedFor(uri, () => open(at('run.json'), 'json', text));
  assert.deepEqual(more, []);
  assert.deepEqual([missing?.code, missing?.severity], ['named-checkpoint-missing', 3]);
  const { start, end } = missing?.range ?? {};
  assert.equal(text.slice(start?.character, end?.character), 'models/late.safetensors');

  const late = writeTensors(at('models', 'late.safetensors'), { a: { shape: [1] } });
  assert.deepEqual(await publishedFor(uri, () => client.changedOnDisk(late, 'created')), []);
  fs.rmSync(late);
  assert.equal((await publishedFor(uri, () => client.changedOnDisk(late, 'deleted'))).length, 1);

  const settings = { deltalens: { missingCheckpoints: false } };
  const off = () => client.connection.sendNotification('workspace/didChangeConfiguration', { settings });
  assert.deepEqual(await publishedFor(uri, off), []);
});

test('documents with rules of their own, and long ones, are left alone', async () => {
  const named = '"models/base/model.safetensors"';
  const config = await open(at('models', 'lora', 'adapter_config.json'), 'json', `{ "x": ${named} }`);
  assert.deepEqual(await linksIn(config), []);
  const study = await open(at('a.study.yaml'), 'yaml', `base: ${named}`);
  assert.deepEqual(await linksIn(study), []);
  const long = await open(at('long.py'), 'python', `x = ${named}\n${'# long\n'.repeat(80_000)}`);
  assert.deepEqual(await linksIn(long), []);
});
