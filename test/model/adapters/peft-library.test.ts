// Adapters that PEFT itself saved, against what PEFT merges them to (test/fixtures/peft).
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { readSpan } from '../../../src/format/read';
import { decode } from '../../../src/tensor/decode';
import { codesOf, deltaOf, studyOfFiles } from './build';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/peft');
const BASE = path.join(FIXTURES, 'base');

/** Kinds whose change cannot be formed, and the code of the reason that is given. */
const WITHOUT: Readonly<Record<string, string>> = {
  glora: 'adapter-kind-unsupported',
  gralora: 'adapter-kind-unsupported',
  waveft: 'adapter-kind-unsupported',
  unilora: 'adapter-kind-unsupported',
  // These change the base when they begin.
  pissa: 'adapter-kind-unsupported',
  olora: 'adapter-kind-unsupported',
  // Random matrices that are not in the file.
  'vera-without': 'adapter-kind-unsupported',
  prompt: 'adapter-without-delta',
  prefix: 'adapter-without-delta',
  'p-tuning': 'adapter-without-delta',
};

async function mergedChanges(folder: string): Promise<ReadonlyMap<string, Float64Array>> {
  const opened = await openCheckpoint(path.join(folder, 'delta.safetensors'));
  assert.ok(opened.ok);
  const changes = new Map<string, Float64Array>();
  for (const { name, span } of opened.value.tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok);
    changes.set(name, decode(span.dtype, bytes.value, span.count));
  }
  return changes;
}

/** ‖found − wanted‖ / ‖wanted‖. */
function distance(found: readonly number[], wanted: Float64Array): number {
  const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
  assert.equal(found.length, wanted.length);
  return norm(found.map((value, at) => value - (wanted[at] ?? NaN))) / norm(wanted);
}

const names = fs
  .readdirSync(FIXTURES)
  .filter((name) => fs.existsSync(path.join(FIXTURES, name, 'adapter_config.json')));

for (const name of names) {
  const code = WITHOUT[name];
  const folder = path.join(FIXTURES, name);
  if (code !== undefined) {
    test(`${name}: no task vector is made, and the reason is given`, async () => {
      const study = await studyOfFiles(BASE, folder);
      assert.equal(study.tasks[0]?.deltas.size, 0);
      assert.ok(codesOf(study).includes(code), codesOf(study).join());
    });
    continue;
  }
  test(`${name}: the task vector is what PEFT adds to each weight when it merges the adapter`, async () => {
    const study = await studyOfFiles(BASE, folder);
    const changes = await mergedChanges(folder);
    assert.ok(changes.size > 0);
    assert.deepEqual([...(study.tasks[0]?.deltas.keys() ?? [])].sort(), [...changes.keys()].sort());
    for (const [tensor, wanted] of changes) {
      const far = distance(await deltaOf(study, tensor), wanted);
      assert.ok(far < 1e-6, `${tensor} is off by ${String(far)}`);
    }
  });
}
