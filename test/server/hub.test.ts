import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { startHub, TOKEN, type HubServer } from '../format/hub/hub-server';
import { MIRROR_BLOCK } from '../../src/tensor/mirrored';
import { TestClient } from './client';
import { temporaryFolder, writeTensors } from './files';

const folder = temporaryFolder();
let hub: HubServer;

const tensors = (first: number) => ({
  'model.layers.0.self_attn.q_proj.weight': {
    shape: [600, 600],
    values: Array.from({ length: 360_000 }, (_, k) => (k === 5 ? first : k % 7)),
  },
});

before(async () => {
  hub = await startHub();
  for (const [name, first] of [
    ['me/base', 5],
    ['me/task', 9],
    ['me/gated', 3],
  ] as const) {
    const file = writeTensors(path.join(folder, name, 'model.safetensors'), tensors(first));
    hub.publish(name, { 'model.safetensors': fs.readFileSync(file) });
  }
});
after(async () => {
  await hub.close();
  fs.rmSync(folder, { recursive: true });
});

/** Runs the built command line beside the test, since the server lives in this process. */
function run(...given: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.endpoint,
    DELTALENS_HUB_CACHE: path.join(folder, 'cache'),
    HF_TOKEN_PATH: path.join(folder, 'none'),
  };
  const child = spawn(process.execPath, [path.resolve('dist/cli.js'), ...given], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += String(text)));
  child.stderr.on('data', (text) => (err += String(text)));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err })));
}

test('the command line inspects a model of the Hub by its header', async () => {
  const { status, out, err } = await run('inspect', 'hf://me/base', '--json');
  assert.equal(status, 0, err);
  const view = JSON.parse(out) as { path: string; tensorCount: number };
  assert.deepEqual([view.path, view.tensorCount], ['hf://me/base', 1]);
  assert.ok(hub.sent <= 2 ** 18);
  const shown = /^hub +me\/base, commit aaaaaaa \(main\), from 127\.0\.0\.1:\d+$/m;
  assert.match((await run('inspect', 'hf://me/base')).out, shown);
});

test('without a Hub the command line shows the copy, says so, and ends well', async () => {
  process.env['HF_HUB_OFFLINE'] = '1';
  const { status, out, err } = await run('inspect', 'hf://me/base');
  delete process.env['HF_HUB_OFFLINE'];
  assert.equal(status, 0, err);
  assert.match(out, /^tensors +1$/m);
  assert.match(err, /hf:\/\/me\/base is shown from its copy, as commit a{40}, which main was at/);
});

test('a lens compares two models of the Hub, says first how much it fetches, and fetches nothing twice', async () => {
  const arguments_ = ['lens', 'delta-profile', '--base', 'hf://me/base', 'tuned=hf://me/task', '--json'];
  const first = await run(...arguments_);
  assert.equal(first.status, 0, first.err);
  assert.match(first.err, /Up to 2\.\d MB will be fetched from 127\.0\.0\.1:\d+, and kept in/);
  const result = JSON.parse(first.out) as {
    artifacts: { id: string; columns: { name: string }[]; rows: unknown[][] }[];
  };
  const table = result.artifacts.find(({ id }) => id === 'tensors');
  assert.ok(table);
  const norm = table.rows[0]?.[table.columns.findIndex(({ name }) => name === 'norm')];
  // One entry differs, by 4.
  assert.equal(norm, 4);
  hub.sent = 0;
  const again = await run(...arguments_);
  assert.equal(again.status, 0, again.err);
  assert.equal(hub.sent, 0);
  assert.doesNotMatch(again.err, /will be fetched/);
});

test('what is written of a model of the Hub says how much it fetches, and holds its values', async () => {
  hub.publish('me/copied', {
    'model.safetensors': fs.readFileSync(path.join(folder, 'me/task/model.safetensors')),
  });
  const output = path.join(folder, 'converted.safetensors');
  const dry = await run('convert', 'hf://me/copied', '-o', output, '--dry-run');
  assert.equal(dry.status, 0, dry.err);
  assert.doesNotMatch(dry.err, /will be fetched/);
  const { status, err } = await run('convert', 'hf://me/copied', '-o', output);
  assert.equal(status, 0, err);
  assert.match(err, /Up to 1\.\d MB will be fetched from 127\.0\.0\.1/);
  const [written, published] = [fs.readFileSync(output), hub.filesOf('me/copied').get('model.safetensors')];
  assert.ok(published && written.subarray(-1_440_000).equals(published.subarray(-1_440_000)));
});

test('the server takes token and folder from the editor, and opens the copy by its path, too', async () => {
  process.env['HF_ENDPOINT'] = hub.endpoint;
  const hubFolder = path.join(folder, 'storage');
  const client = await TestClient.start(folder, { scanLimitMiB: 0, hubToken: TOKEN, hubFolder });
  try {
    const view = await client.value('deltalens/inspect', { path: 'hf://me/gated', roots: [] });
    const file = view.files[0]?.path ?? '';
    assert.ok(file.startsWith(hubFolder));
    // As the editor does: by the path of the copy, whose values come as they are asked for.
    const tensor = 'model.layers.0.self_attn.q_proj.weight';
    const detail = await client.value('deltalens/tensor', { path: file, tensor });
    assert.deepEqual([detail.statistics.count, detail.statistics.max], [360_000, 6]);
  } finally {
    await client.stop();
  }
});

test('what is too much to be fetched unasked is refused before anything is, and comes with leave', async () => {
  process.env['HF_ENDPOINT'] = hub.endpoint;
  const hubFolder = path.join(folder, 'asked');
  const client = await TestClient.start(folder, { scanLimitMiB: 0, hubFolder, hub: { askAbove: 0.001 } });
  try {
    const { files } = await client.value('deltalens/inspect', { path: 'hf://me/base', roots: [] });
    const preview = {
      path: files[0]?.path ?? '',
      tensor: 'model.layers.0.self_attn.q_proj.weight',
    };
    hub.sent = 0;
    const refused = await client.request('deltalens/tensor', preview);
    assert.ok(!refused.ok && refused.problem.code === 'hub-ask');
    assert.match(refused.problem.message, /^1\.\d MB of me\/base would be fetched from 127\.0\.0\.1/);
    const study = { name: 's', base: 'hf://me/base', tasks: [{ name: 'tuned', path: 'hf://me/task' }] };
    const run = { lens: 'delta-profile', study, parameters: {} };
    const lens = await client.request('deltalens/runLens', { run, job: 'one' });
    assert.ok(!lens.ok && lens.problem.code === 'hub-ask');
    assert.match(lens.problem.message, /^2\.\d MB of me\/base, me\/task would be fetched/);
    assert.equal(hub.sent, MIRROR_BLOCK, 'of the task the header has come');
    const leave = { mayFetch: true };
    assert.ok((await client.request('deltalens/tensor', { ...preview, ...leave })).ok);
    assert.ok((await client.request('deltalens/runLens', { run, job: 'two', ...leave })).ok);
    assert.ok((await client.request('deltalens/runLens', { run, job: 'three' })).ok, 'all is here');
  } finally {
    await client.stop();
  }
});

test('a model that is not there ends with what to do', async () => {
  const { status, err } = await run('inspect', 'hf://me/nothing');
  assert.equal(status, 3);
  assert.match(err, /private or not there.*\n.*Check the address/);
});
