import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import type { RunSpec } from '../../src/protocol/study';
import { TestClient, uriOf } from './client';
import { temporaryFolder, writeHole, writeTensors, writeText } from './files';

const GIB = 2 ** 30;
// Two of these take any machine seconds to read, though they take no room.
const LARGE = { 'layers.0.weight': { shape: [8 * 1024, (16 * GIB) / 4 / (8 * 1024)] } };

const folder = temporaryFolder();
const small: RunSpec = study('small');
const large: RunSpec = study('large');
let client: TestClient;

function study(name: string): RunSpec {
  return {
    lens: 'delta-profile',
    study: {
      name,
      base: path.join(folder, name, 'base', 'model.safetensors'),
      tasks: [{ name: 'tuned', path: path.join(folder, name, 'tuned', 'model.safetensors') }],
    },
    parameters: {},
  };
}

before(async () => {
  for (const side of ['base', 'tuned']) {
    writeHole(path.join(folder, 'large', side, 'model.safetensors'), LARGE);
    const values = side === 'base' ? [3, 4] : [3, 5];
    writeTensors(path.join(folder, 'small', side, 'model.safetensors'), {
      'layers.0.weight': { shape: [2], values },
    });
  }
  // Nothing here is to be scanned unasked.
  client = await TestClient.start(folder, { scanLimitMiB: 1 });
});

after(async () => {
  await client.stop();
  fs.rmSync(folder, { recursive: true });
});

/** Starts the large job and resolves once it reads. */
async function startLarge(job: string) {
  const source = new CancellationTokenSource();
  const reading = client.progress.next((sent) => sent.job === job && sent.fraction > 0);
  let ended = false;
  const result = client.request('deltalens/runLens', { run: large, job }, source.token).finally(() => {
    ended = true;
  });
  await Promise.race([reading, result]);
  assert.equal(ended, false, 'the large job ended before it could be watched');
  return { result, cancel: () => source.cancel(), hasEnded: () => ended };
}

test('a lens runs over a real connection and gives the figures of its task vector', async () => {
  const result = await client.value('deltalens/runLens', { run: small, job: 'small' });
  assert.equal(result.lens, 'delta-profile');
  assert.deepEqual(
    result.inputs.map(({ name }) => name),
    ['base', 'tuned'],
  );
  const table = result.artifacts.find((artifact) => artifact.id === 'tensors');
  assert.ok(table?.kind === 'table');
  const column = (name: string) => table.rows[0]?.[table.columns.findIndex((each) => each.name === name)];
  // θ₀ = (3, 4), θ = (3, 5): ‖τ‖ = 1, ‖θ₀‖ = 5, one of two entries is the same.
  assert.equal(column('norm'), 1);
  assert.equal(column('relative'), 0.2);
  assert.equal(column('identical_share'), 0.5);
});

test('a run over samples tells what it has so far', async () => {
  const digits = path.join(import.meta.dirname, '../../samples/vit-digits');
  const run: RunSpec = {
    lens: 'fisher',
    parameters: {},
    study: {
      name: 'digits',
      base: path.join(digits, 'base'),
      tasks: [],
      graph: path.join(digits, 'onnx/base.onnx'),
      data: [{ name: 'clean', path: path.join(digits, 'data/clean-val.npz') }],
    },
  };
  const partial = client.partial.next(({ job }) => job === 'refined');
  const result = await client.value('deltalens/runLens', { run, job: 'refined' });
  assert.equal(result.partial, undefined);
  const first = (await partial).result;
  assert.match(first.partial ?? '', /^[0-9]+ of 250 samples$/);
  assert.deepEqual(
    first.artifacts.map(({ id }) => id),
    result.artifacts.map(({ id }) => id),
  );
});

test('the same run again gives the remembered result, and a run after a change a new one', async () => {
  const first = await client.value('deltalens/runLens', { run: small, job: 'first' });
  const again = await client.value('deltalens/runLens', { run: small, job: 'again' });
  assert.deepEqual(again, first);
  writeTensors(path.join(folder, 'small', 'tuned', 'model.safetensors'), {
    'layers.0.weight': { shape: [2], values: [30, 50] },
  });
  const changed = await client.value('deltalens/runLens', { run: small, job: 'changed' });
  assert.notEqual(changed.inputs[1]?.fingerprint, first.inputs[1]?.fingerprint);
  assert.notDeepEqual(changed.artifacts, first.artifacts);
});

test('a run after a change of the configuration alone is a new one, whatever the change is', async () => {
  const base = path.join(folder, 'tokens', 'base', 'model.safetensors');
  const adapter = path.join(folder, 'tokens', 'lora', 'adapter_model.safetensors');
  writeTensors(base, { 'embed.weight': { shape: [2, 2], values: [1, 2, 30, 40] } });
  writeTensors(adapter, {
    'base_model.model.embed.trainable_tokens_delta': { shape: [1, 2], values: [5, 6] },
  });
  const config = path.join(path.dirname(adapter), 'adapter_config.json');
  const run: RunSpec = {
    lens: 'delta-profile',
    study: { name: 'tokens', base, tasks: [{ name: 'tokens', path: adapter }] },
    parameters: {},
  };
  writeText(config, JSON.stringify({ peft_type: 'TRAINABLE_TOKENS', token_indices: [0] }));
  const first = await client.value('deltalens/runLens', { run, job: 'token 0' });
  writeText(config, JSON.stringify({ peft_type: 'TRAINABLE_TOKENS', token_indices: [1] }));
  const second = await client.value('deltalens/runLens', { run, job: 'token 1' });
  assert.notDeepEqual(second.artifacts, first.artifacts);
});

test('a hover and another lens are answered while a job over gigabytes runs', async () => {
  const config = writeText(
    path.join(folder, 'adapter', 'adapter_config.json'),
    '{\n  "peft_type": "LORA",\n  "r": 8\n}\n',
  );
  await client.open(config, fs.readFileSync(config, 'utf8'));
  const job = await startLarge('hovered');
  const position = { line: 2, character: 3 };
  const hover = await client.connection.sendRequest('textDocument/hover', {
    textDocument: { uri: uriOf(config) },
    position,
  });
  assert.ok(hover);
  await client.value('deltalens/runLens', { run: small, job: 'beside' });
  assert.equal(job.hasEnded(), false);
  job.cancel();
  await job.result;
});

test('a cancelled job is answered as cancelled, and no progress of it comes any more', async () => {
  const job = await startLarge('cancelled');
  job.cancel();
  const result = await job.result;
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'cancelled');
  const sent = client.progress.received.length;
  await client.value('deltalens/runLens', { run: small, job: 'after' });
  assert.deepEqual(
    client.progress.received.slice(sent).filter((each) => each.job === 'cancelled'),
    [],
  );
});

test('cancelling does not cost the compute process', async () => {
  const process = await client.computeProcess();
  const job = await startLarge('kept');
  job.cancel();
  await job.result;
  // Longer than a process that clings to a cancelled job is given.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(await client.computeProcess(), process);
});

test('progress of a job never goes back and stays within 0 and 1', async () => {
  const job = await startLarge('watched');
  for (let count = 0; count < 3; count++) await client.progress.next((sent) => sent.job === 'watched');
  job.cancel();
  await job.result;
  const fractions = client.progress.received
    .filter((sent) => sent.job === 'watched')
    .map((sent) => sent.fraction);
  assert.ok(fractions.length >= 4);
  assert.deepEqual(
    fractions,
    [...fractions].sort((a, b) => a - b),
  );
  assert.ok(fractions.every((fraction) => fraction >= 0 && fraction <= 1));
});

test('a compute process that is killed fails its jobs with the reason, and the next request finds a new one', async () => {
  const killed = await client.computeProcess();
  const job = await startLarge('killed');
  process.kill(killed, 'SIGKILL');
  const result = await job.result;
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'compute-stopped');
  assert.match(result.problem.message, /SIGKILL/);
  await client.value('deltalens/runLens', { run: small, job: 'next' });
  assert.notEqual(await client.computeProcess(), killed);
});

test('a lens that does not exist, and a parameter that is out of range, are problems that say so', async () => {
  const unknown = await client.request('deltalens/runLens', { run: { ...small, lens: 'no-lens' }, job: 'x' });
  assert.ok(!unknown.ok);
  assert.equal(unknown.problem.code, 'unknown-lens');
  const parameters = { elementwise: 'perhaps' };
  const bad = await client.request('deltalens/runLens', { run: { ...small, parameters }, job: 'x' });
  assert.ok(!bad.ok);
  assert.equal(bad.problem.code, 'bad-parameter');
});

test('a result is kept for the next server, until kept results are cleared', async () => {
  const options = { scanLimitMiB: 1, cacheFolder: path.join(folder, 'kept results') };
  const first = await TestClient.start(folder, options);
  const result = await first.value('deltalens/runLens', { run: small, job: 'first' });
  await first.stop();
  const kept = fs.readdirSync(options.cacheFolder);
  assert.equal(kept.length, 1);
  // Marks the kept result, so that it can be told from one computed anew.
  const file = path.join(options.cacheFolder, kept[0] ?? '');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/"elapsedMs":\d+/, '"elapsedMs":123456'));
  const second = await TestClient.start(folder, options);
  const again = await second.value('deltalens/runLens', { run: small, job: 'second' });
  assert.deepEqual(again, { ...result, elapsedMs: 123456 });
  const { bytes } = await second.value('deltalens/clearCache', {});
  assert.ok(bytes > 0);
  const anew = await second.value('deltalens/runLens', { run: small, job: 'third' });
  assert.notEqual(anew.elapsedMs, 123456);
  await second.stop();
});

test('a lens that fills its process does not keep a hover or the tree waiting', async () => {
  const job = await startLarge('busy');
  process.kill(await client.computeProcess(), 'SIGSTOP');
  // The process of lenses stands still, and everything else is answered all the same.
  await client.value('deltalens/lenses', {});
  process.kill(await client.computeProcess(), 'SIGCONT');
  job.cancel();
  await job.result;
});

test('the compute process ends with the server', async () => {
  const other = await TestClient.start(folder, { scanLimitMiB: 1 });
  await other.value('deltalens/lenses', {});
  const compute = await other.computeProcess();
  assert.equal(await other.stop(), 0);
  await untilGone(compute);
});

test('the compute process ends when the server is killed', async () => {
  const other = await TestClient.start(folder, { scanLimitMiB: 1 });
  await other.value('deltalens/lenses', {});
  const compute = await other.computeProcess();
  other.process.kill('SIGKILL');
  await untilGone(compute);
});

/** Resolves once no process has this id; the test's own time limit ends the wait otherwise. */
async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
