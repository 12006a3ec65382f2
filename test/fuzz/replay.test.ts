import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as paths from 'node:path';
import { test } from 'node:test';
import { bundleTargets } from './engine/bundle';
import type * as Campaign from './engine/campaign';

const ROOT = paths.resolve(__dirname, '../..');
const MUTATED = 150;

test('what fuzzing found once, and mutated files of every parser, keep every promise and bound', async (t) => {
  const folder = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-fuzz-'));
  t.after(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const bundle = paths.join(folder, 'bundle.cjs');
  await bundleTargets(ROOT, bundle);
  const { targets, runOnce, fuzzFixed } = createRequire(__filename)(bundle) as typeof Campaign;
  for (const target of targets) {
    await t.test(target.name, async () => {
      for (const { file, bytes } of casesOf(target.name)) {
        const found = await runOnce(target, bytes);
        assert.equal(found, null, `${file}: ${found?.message ?? ''}`);
      }
      const found = await fuzzFixed(target, MUTATED, 7);
      const input = Buffer.from(found?.input ?? []).toString('hex');
      assert.equal(found, null, `${input}\n${found?.message ?? ''}`);
    });
  }
});

/** Inputs that once broke something, small enough to be looked at. */
function casesOf(name: string): { file: string; bytes: Uint8Array }[] {
  const folder = paths.join(ROOT, 'test/fuzz/cases', name);
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).map((file) => ({
    file: paths.join(folder, file),
    bytes: Uint8Array.from(fs.readFileSync(paths.join(folder, file))),
  }));
}
