import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { applied, codesOf, contextFor, lintFile, only } from './build';
import { lint } from '../../src/lint/registry';

const samples = paths.resolve(import.meta.dirname, '../../samples');
const collection = paths.resolve(import.meta.dirname, '../../../shared');
const known = ['base', 'json', 'arith'].map((name) => paths.join(samples, 'charlm', name));

/** Every file of that name below a folder. */
function filesNamed(folder: string, ending: string): readonly string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => paths.join(folder, name));
}

test('the sample adapter beside its base has no findings', async () => {
  const path = paths.join(samples, 'charlm/lora/json-r8/adapter_config.json');
  assert.deepEqual(await lintFile(path, contextFor([samples], { known })), []);
});

test('the sample adapter with a hub name is told which checkpoint fits', async () => {
  const path = paths.join(samples, 'charlm/lora/python-rslora-r16/adapter_config.json');
  const context = contextFor([samples], { known });
  const findings = await lintFile(path, context);
  assert.deepEqual(codesOf(findings), ['base-not-on-disk']);
  const finding = only(findings, 'base-not-on-disk');
  assert.equal(finding.severity, 'information');
  assert.match(
    finding.message,
    /"zoo\/charlm-base" is not on this disk.*\.\.\/\.\.\/base in this workspace fits\.$/,
  );
  const text = applied(fs.readFileSync(path, 'utf8'), finding.fixes?.[0]);
  assert.deepEqual(await lint(path, text, context), []);
});

test('the sample checkpoints have no findings', async () => {
  const files = filesNamed(samples, '.safetensors');
  assert.ok(files.length >= 6);
  for (const path of files) assert.deepEqual(await lintFile(path, contextFor([samples])), [], path);
});

const missing = fs.existsSync(collection) ? false : 'the collection of trained models is not here';

test(
  'adapters that were really trained, and their indexes, give no false alarm',
  { skip: missing },
  async () => {
    const folders = ['realdata', 'zoo'].map((name) => paths.join(collection, name));
    const configs = folders.flatMap((folder) => filesNamed(folder, 'adapter_config.json'));
    const indexes = folders.flatMap((folder) => filesNamed(folder, '.safetensors.index.json'));
    assert.ok(configs.length >= 10);
    for (const path of [...configs, ...indexes]) {
      const findings = await lintFile(path, contextFor([collection]));
      const alarms = findings.filter(({ severity }) => severity !== 'information');
      assert.deepEqual(alarms, [], path);
    }
  },
);
