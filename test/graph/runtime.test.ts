import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { loadRuntime } from '../../src/graph/runtime';

test('onnxruntime loads, computes, and names the version that is installed', async () => {
  const runtime = await loadRuntime();
  assert.ok(runtime.ok, runtime.ok ? '' : runtime.problem.message);
  const installed = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  assert.equal(runtime.value.version, installed.version);
});

test('onnxruntime is loaded once', async () => {
  assert.equal(await loadRuntime(), await loadRuntime());
});
