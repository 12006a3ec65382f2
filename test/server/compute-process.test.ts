import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { ComputeProcess } from '../../src/server/compute-process';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
after(() => fs.rmSync(folder, { recursive: true }));

let files = 0;

/** A compute process that runs this code for every message; `answer(value)` answers it. */
function processThat(body: string): { compute: ComputeProcess; log: string[] } {
  const file = path.join(folder, `compute-${String(++files)}.js`);
  fs.writeFileSync(
    file,
    `process.on('disconnect', () => process.exit());
    process.on('message', (message) => {
      const answer = (value) => process.send({ type: 'answer', id: message.id, result: { ok: true, value } });
      ${body}
    });`,
  );
  const log: string[] = [];
  return { compute: new ComputeProcess(file, (line) => log.push(line)), log };
}

const LINT = { path: '/x', roots: [] };

test('a job that clings to its cancellation costs the process, and what else ran there starts again', async () => {
  // Loops for ever over lint; answers formats only in a process that was never asked to lint.
  const { compute, log } = processThat(`
    if (message.name === 'deltalens/lint') for (;;) {}
    if (message.name === 'deltalens/formats') setTimeout(() => answer([process.pid]), 500);
  `);
  const controller = new AbortController();
  const formats = compute.request('deltalens/formats', {});
  const lint = compute.request('deltalens/lint', LINT, { signal: controller.signal });
  controller.abort();
  const cancelled = await lint;
  assert.ok(!cancelled.ok);
  assert.equal(cancelled.problem.code, 'cancelled');
  const answered = await formats;
  assert.ok(answered.ok);
  assert.equal(log.filter((line) => line.includes('started')).length, 2);
  compute.close();
});

test('a crash is explained by its exit code and by what the process last wrote', async () => {
  const { compute } = processThat(`process.stderr.write('out of everything\\n', () => process.exit(7));`);
  const result = await compute.request('deltalens/lint', LINT);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'compute-stopped');
  assert.match(result.problem.message, /deltalens\/lint.*exit code 7.*\nout of everything/);
  compute.close();
});

test('a process that cannot even start fails its request', async () => {
  const compute = new ComputeProcess(path.join(folder, 'missing.js'), () => undefined);
  const result = await compute.request('deltalens/lint', LINT);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'compute-stopped');
});

test('settings reach a process that starts after they were made, before its first request', async () => {
  const { compute } = processThat(`
    if (message.type === 'configure') global.limit = message.settings.scanLimit;
    else answer([global.limit]);
  `);
  compute.configure({
    scanLimit: 5,
    known: [],
    cache: null,
    hub: { token: null, folder: null },
    askAbove: null,
    hashContents: false,
  });
  assert.deepEqual(await compute.request('deltalens/formats', {}), { ok: true, value: [5] });
  compute.close();
});

test('closing answers what still runs, and later requests, instead of leaving them open', async () => {
  const { compute } = processThat('');
  const open = compute.request('deltalens/lint', LINT);
  compute.close();
  for (const result of [await open, await compute.request('deltalens/lint', LINT)]) {
    assert.ok(!result.ok);
    assert.equal(result.problem.code, 'compute-stopped');
  }
});

test('a request that was cancelled before it was made is never sent', async () => {
  const { compute, log } = processThat('answer([])');
  const result = await compute.request('deltalens/lint', LINT, { signal: AbortSignal.abort() });
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'cancelled');
  assert.deepEqual(log, []);
});
