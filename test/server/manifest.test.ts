import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import type { CodeLens, FoldingRange, Hover, Location } from 'vscode-languageserver-protocol/node';
import { manifestUriOf } from '../../src/server/manifest/manifest-uri';
import { TestClient, uriOf } from './client';
import { temporaryFolder, writeTensors, writeText } from './files';

const QUERY = 'model.layers.0.self_attn.q_proj';
const folder = temporaryFolder();
const at = (...names: string[]) => path.join(folder, ...names);
const base = at('base', 'model.safetensors');
const tuned = at('tuned', 'model.safetensors');
const adapter = at('adapter', 'adapter_model.safetensors');
const index = at('sharded', 'model.safetensors.index.json');
let client: TestClient;

before(async () => {
  const tensors = {
    [`${QUERY}.weight`]: { shape: [4, 4], values: [1, 2, 3, 4] },
    'model.embed.weight': { shape: [2, 4], values: [Number.NaN] },
  };
  writeTensors(base, tensors);
  writeTensors(tuned, tensors);
  writeTensors(adapter, {
    [`base_model.model.${QUERY}.lora_A.weight`]: { shape: [2, 4], values: Array(8).fill(0.5) },
    [`base_model.model.${QUERY}.lora_B.weight`]: { shape: [4, 2], values: Array(8).fill(0.5) },
  });
  const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
  writeText(at('adapter', 'adapter_config.json'), JSON.stringify(config, null, 2));
  writeTensors(at('sharded', 'model-00001-of-00001.safetensors'), tensors);
  const map = Object.fromEntries(
    Object.keys(tensors).map((name) => [name, 'model-00001-of-00001.safetensors']),
  );
  writeText(index, JSON.stringify({ metadata: {}, weight_map: map }, null, 2));
  client = await TestClient.start(folder);
  await client.value('deltalens/explore', { roots: [folder] });
});

after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

/** Opens the manifest of a checkpoint as an editor does. */
async function openManifest(file: string): Promise<{ uri: string; lines: string[] }> {
  const { text } = await client.value('deltalens/manifest', { path: file, roots: [folder] });
  const uri = manifestUriOf(file);
  await client.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'checkpoint-manifest', version: 1, text },
  });
  return { uri, lines: text.split('\n') };
}

test('a manifest can be written into a new file, and never over another', async () => {
  const into = at('text.manifest');
  const asked = { path: base, roots: [folder] };
  const { text } = await client.value('deltalens/manifest', asked);
  await client.value('deltalens/manifest', { ...asked, into });
  assert.equal(fs.readFileSync(into, 'utf8'), text);
  const again = await client.request('deltalens/manifest', { ...asked, into });
  assert.ok(!again.ok);
  assert.equal(again.problem.code, 'output-exists');
});

function ask<T>(method: string, uri: string, line = 0, character = 0): Promise<T> {
  const params = {
    textDocument: { uri },
    position: { line, character },
    context: { includeDeclaration: true },
  };
  return client.connection.sendRequest<T>(`textDocument/${method}`, params);
}

/** The places as file and name, read from the manifests themselves. */
async function namesAt(places: readonly Location[]): Promise<[string, string][]> {
  return Promise.all(
    places.map(async ({ uri, range: { start, end } }): Promise<[string, string]> => {
      const [, file = ''] = /^deltalens-manifest:\/\/(.*)\.manifest$/.exec(uri) ?? [];
      const { text } = await client.value('deltalens/manifest', { path: file, roots: [folder] });
      const name = text.split('\n')[start.line]?.slice(start.character, end.character) ?? '';
      return [path.relative(folder, file), name];
    }),
  );
}

test('findings of a checkpoint stand on the lines of their tensors while its manifest is open', async () => {
  const published = client.diagnostics.first(
    ({ uri, diagnostics }) => uri === manifestUriOf(base) && diagnostics.length > 0,
  );
  const { uri, lines } = await openManifest(base);
  const { diagnostics } = await published;
  assert.deepEqual(
    diagnostics.map(({ code, severity, range }) => [code, severity, lines[range.start.line]?.split(' ')[0]]),
    [['tensor-nan', 1, 'model.embed.weight']],
  );
  const cleared = client.diagnostics.next((sent) => sent.uri === uri);
  await client.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  assert.deepEqual((await cleared).diagnostics, []);
});

test('a hover over a tensor shows statistics and a histogram, over a layer its sums', async () => {
  const { uri, lines } = await openManifest(tuned);
  const line = lines.findIndex((each) => each.startsWith(QUERY));
  const tensor = JSON.stringify((await ask<Hover>('hover', uri, line, 3)).contents);
  // Four values and twelve zeros: (1 + 2 + 3 + 4) / 16.
  assert.match(tensor, /mean 0\.625 .*min 0 .*max 4/);
  assert.match(tensor, /12 zeros/);
  assert.match(tensor, /```text/);
  const layer = JSON.stringify((await ask<Hover>('hover', uri, line - 1, 1)).contents);
  assert.match(layer, /1 tensor · 16 parameters/);
  assert.equal(await ask('hover', uri, 0), null);
});

test('manifests fold, and have code lenses', async () => {
  const { uri, lines } = await openManifest(tuned);
  const folding = await ask<FoldingRange[]>('foldingRange', uri);
  assert.deepEqual(
    folding.slice(1).map(({ startLine }) => lines[startLine]),
    ['[input]', '[model.layers.0]'],
  );
  const lenses = await ask<CodeLens[]>('codeLens', uri);
  assert.ok(lenses.some(({ command }) => command?.command === 'deltalens.showSpectrum'));
});

test('a key of an index leads to the line of its tensor', async () => {
  const text = fs.readFileSync(index, 'utf8');
  await client.open(index, text);
  const line = text.split('\n').findIndex((each) => each.includes(QUERY));
  const places = await ask<Location[]>('definition', uriOf(index), line, 8);
  assert.deepEqual(await namesAt(places), [['sharded/model.safetensors.index.json', `${QUERY}.weight`]]);
  assert.deepEqual(await ask('definition', uriOf(index), 1, 4), []);
});

test('an entry of target_modules leads to the tensors of its modules', async () => {
  const config = at('adapter', 'adapter_config.json');
  const text = fs.readFileSync(config, 'utf8');
  await client.open(config, text);
  const line = text.split('\n').findIndex((each) => each.includes('"q_proj"'));
  const places = await ask<Location[]>('definition', uriOf(config), line, 7);
  assert.deepEqual(
    (await namesAt(places)).sort(),
    ['A', 'B'].map((factor) => [
      'adapter/adapter_model.safetensors',
      `base_model.model.${QUERY}.lora_${factor}.weight`,
    ]),
  );
});

test('the references of a tensor are the same tensors elsewhere, and the adapters that change it', async () => {
  const { uri, lines } = await openManifest(base);
  const line = lines.findIndex((each) => each.startsWith(QUERY));
  const places = await namesAt(await ask<Location[]>('references', uri, line, 3));
  assert.deepEqual(places[0], ['base/model.safetensors', `${QUERY}.weight`]);
  assert.deepEqual(places.map(([file]) => file).sort(), [
    'adapter/adapter_model.safetensors',
    'adapter/adapter_model.safetensors',
    'base/model.safetensors',
    'sharded/model.safetensors.index.json',
    'tuned/model.safetensors',
  ]);
});

test('a factor of an adapter has its base tensor among its references', async () => {
  const { uri, lines } = await openManifest(adapter);
  const line = lines.findIndex((each) => each.includes('lora_A'));
  const places = await namesAt(await ask<Location[]>('references', uri, line, 3));
  assert.ok(places.some(([file, name]) => file === 'base/model.safetensors' && name === `${QUERY}.weight`));
});
