import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import type { WriteAction } from '../../src/protocol/write';
import { TestClient } from './client';
import { temporaryFolder, writeHole } from './files';

const folder = temporaryFolder();
const samples = path.resolve('samples');
let client: TestClient;

before(async () => {
  client = await TestClient.start(samples, { scanLimitMiB: 1 });
});
after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

const convert = (file: string): WriteAction => ({
  kind: 'convert',
  path: file,
  metadata: 'keep',
  tied: 'once',
  mostShardBytes: null,
});

test('an adapter is baked over a real connection, and the result opens', async () => {
  const output = path.join(folder, 'baked');
  const action: WriteAction = {
    kind: 'bake',
    base: path.join(samples, 'charlm/base'),
    adapter: path.join(samples, 'charlm/lora/json-r8'),
    weight: 1,
    mostShardBytes: null,
  };
  const write = { action, output, dryRun: false };
  const report = await client.value('deltalens/write', { write, job: 'bake' });
  assert.equal(report.opens, path.join(output, 'model.safetensors'));
  const view = await client.value('deltalens/inspect', { path: report.opens, roots: [folder] });
  assert.deepEqual([view.kind, view.tensorCount], ['checkpoint', 38]);
});

test('an extraction uses the workers, and gives an adapter', async () => {
  const output = path.join(folder, 'lora');
  const action: WriteAction = {
    kind: 'extract',
    base: path.join(samples, 'vit-digits/base'),
    path: path.join(samples, 'vit-digits/rot90'),
    choice: { by: 'rank', rank: 4 },
    dtype: 'keep',
    saveRest: false,
  };
  const report = await client.value('deltalens/write', {
    write: { action, output, dryRun: false },
    job: 'extract',
  });
  const view = await client.value('deltalens/inspect', { path: report.opens, roots: [folder, samples] });
  assert.deepEqual([view.kind, view.adapter?.rank], ['adapter', '4']);
  assert.equal(view.adapter?.basePath, path.join(samples, 'vit-digits/base'));
});

test('cancelled while it writes, the answer comes at once and nothing stays behind', async () => {
  const large = { 'layers.0.weight': { shape: [1024, 1024 * 1024] } };
  const file = writeHole(path.join(folder, 'large.safetensors'), large);
  const inside = path.join(folder, 'inside');
  fs.mkdirSync(inside);
  const source = new CancellationTokenSource();
  const writing = client.progress.next((sent) => sent.job === 'large' && sent.message === 'Writing');
  const write = { action: convert(file), output: path.join(inside, 'out'), dryRun: false };
  const result = client.request('deltalens/write', { write, job: 'large' }, source.token);
  await writing;
  source.cancel();
  const answer = await result;
  assert.ok(!answer.ok);
  assert.equal(answer.problem.code, 'cancelled');
  // The compute process answers after it has cleaned up, and other requests do not wait for that.
  while (fs.readdirSync(inside).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await client.value('deltalens/formats', {});
});
