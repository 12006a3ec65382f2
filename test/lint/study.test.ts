import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { test } from 'node:test';
import { lint } from '../../src/lint/registry';
import type { Finding } from '../../src/protocol/finding';
import { codesOf, contextFor, only, temporaryFolder, textAt, writeTensors, writeText } from './build';

const folder = temporaryFolder();
const names = ['w.weight', 'v.weight', 'u.weight'];
const right = Object.fromEntries(names.map((name) => [name, { shape: [2, 3] }]));
for (const name of ['base', 'rot90', 'invert'])
  writeTensors(paths.join(folder, name, 'model.safetensors'), right);
writeTensors(paths.join(folder, 'wide', 'model.safetensors'), {
  ...right,
  'w.weight': { shape: [4, 3] },
});
writeTensors(paths.join(folder, 'other', 'model.safetensors'), { conv: { shape: [3] } });
writeText(paths.join(folder, 'broken', 'model.safetensors'), 'xy');

function check(text: string): Promise<readonly Finding[]> {
  return lint(paths.join(folder, 'digits.study.yaml'), text, contextFor([folder]));
}

test('a right study has no findings, in either way of writing tasks', async () => {
  assert.deepEqual(await check('base: base\ntasks:\n  rot90: rot90\n  invert: ./invert\n'), []);
  assert.deepEqual(await check('base: base\ntasks:\n  - {name: rot90, path: rot90}\n'), []);
});

test('broken YAML is shown where it breaks', async () => {
  const text = 'base: [base\ntasks:\n  rot90: rot90\n';
  const findings = await check(text);
  assert.ok(findings.length > 0);
  for (const finding of findings) {
    assert.equal(finding.code, 'yaml-syntax');
    assert.equal(finding.severity, 'error');
    assert.ok(finding.range);
    assert.match(finding.message, /^YAML: /);
  }
});

test('nesting without end is refused', async () => {
  const findings = await check(`base: ${'['.repeat(100_000)}`);
  assert.deepEqual(codesOf(findings), ['yaml-syntax']);
  assert.equal(findings[0]?.message, 'YAML: values are nested too deeply.');
});

test('a key that no study has is pointed at', async () => {
  const text = 'base: base\nmodels:\n  rot90: rot90\n';
  const finding = only(await check(text), 'study-invalid');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), 'models');
  assert.match(finding.message, /^Unknown key "models"/);
});

test('a study without base has no task vectors', async () => {
  const text = 'tasks:\n  rot90: rot90\n';
  const finding = only(await check(text), 'study-base-missing');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), 'tasks:');
  assert.match(finding.message, /names no base/);
});

test('a study without tasks has nothing to compare', async () => {
  const finding = only(await check('base: base\n'), 'study-tasks-missing');
  assert.equal(finding.severity, 'error');
  assert.deepEqual(finding.range?.start, { line: 0, character: 0 });
});

test('two tasks of one name are one too many', async () => {
  const map = 'base: base\ntasks:\n  rot90: rot90\n  rot90: invert\n';
  const finding = only(await check(map), 'study-task-duplicate');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(map, finding.range), 'rot90');
  assert.equal(finding.range?.start.line, 3);
  const list = 'base: base\ntasks:\n  - {name: a, path: rot90}\n  - {name: a, path: invert}\n';
  assert.equal(only(await check(list), 'study-task-duplicate').range?.start.line, 3);
});

test('a path that leads nowhere is underlined', async () => {
  const text = 'base: bse\ntasks:\n  rot90: rot90\n';
  const finding = only(await check(text), 'study-path-missing');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), 'bse');
  assert.equal(finding.message, `There is nothing at ${paths.join(folder, 'bse')}.`);
});

test('a path that cannot be opened brings the reason', async () => {
  const text = 'base: base\ntasks:\n  bad: "broken"\n';
  const finding = only(await check(text), 'study-path-unreadable');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"broken"');
  assert.match(finding.message, /6 bytes short/);
});

test('a task of other tensors does not fit the base', async () => {
  const text = 'base: base\ntasks:\n  other: other\n';
  const finding = only(await check(text), 'study-task-does-not-fit');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range).trim(), 'other');
  assert.equal(finding.range?.start.line, 2);
});

test('a tensor of another shape is named at the task', async () => {
  const text = 'base: base\ntasks:\n  wide: wide\n';
  const findings = await check(text);
  assert.deepEqual(codesOf(findings), ['task-tensor-shape']);
  assert.match(findings[0]?.message ?? '', /w\.weight/);
  assert.equal(findings[0]?.range?.start.character, '  wide: '.length);
});

test('the base is no task of itself', async () => {
  const text = 'base: base\ntasks:\n  same: base\n';
  const finding = only(await check(text), 'study-task-is-base');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), 'base');
  assert.equal(finding.range?.start.line, 2);
});

test('the checkpoints of a training run are checked in the place of its folder', async () => {
  for (const step of [10, 20]) {
    writeTensors(paths.join(folder, 'run', `checkpoint-${String(step)}`, 'model.safetensors'), right);
  }
  assert.deepEqual(await check('base: base\nrun: run\n'), []);
  const text = 'base: base\nrun: empty\n';
  const finding = only(await check(text), 'study-path-unreadable');
  assert.equal(textAt(text, finding.range), 'empty');
  assert.match(finding.message, /no complete checkpoint/);
});
