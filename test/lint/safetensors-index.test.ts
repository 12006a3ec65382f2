import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../src/protocol/finding';
import { lint } from '../../src/lint/registry';
import {
  applied,
  codesOf,
  contextFor,
  only,
  temporaryFolder,
  textAt,
  writeTensors,
  writeText,
} from './build';

const FIRST = 'model-00001-of-00002.safetensors';
const SECOND = 'model-00002-of-00002.safetensors';

/** `a` and `b` in the first shard, `c` in the second: 4, 8 and 24 bytes. */
function twoShards(): string {
  const folder = temporaryFolder();
  writeTensors(paths.join(folder, FIRST), { a: { shape: [1] }, b: { shape: [2] } });
  writeTensors(paths.join(folder, SECOND), { c: { shape: [2, 3] } });
  return folder;
}

function index(weightMap: Readonly<Record<string, unknown>>, metadata: unknown = { total_size: 36 }): string {
  return `${JSON.stringify({ metadata, weight_map: weightMap }, null, 2)}\n`;
}

const RIGHT = { a: FIRST, b: FIRST, c: SECOND };

function check(folder: string, text: string): Promise<readonly Finding[]> {
  const path = writeText(paths.join(folder, 'model.safetensors.index.json'), text);
  return lint(path, text, contextFor([folder]));
}

/** Applies the first fix and checks again. */
function repaired(folder: string, text: string, finding: Finding): Promise<readonly Finding[]> {
  return check(folder, applied(text, finding.fixes?.[0]));
}

test('an index that fits its shards has no findings', async () => {
  assert.deepEqual(await check(twoShards(), index(RIGHT)), []);
});

test('a shard that is not there is reported once, where it is first named', async () => {
  const folder = twoShards();
  fs.rmSync(paths.join(folder, FIRST));
  const text = index(RIGHT);
  const findings = await check(folder, text);
  const finding = only(findings, 'shard-missing');
  assert.equal(finding.severity, 'error');
  assert.deepEqual(finding.range, { start: { line: 5, character: 9 }, end: { line: 5, character: 43 } });
  assert.equal(textAt(text, finding.range), `"${FIRST}"`);
  assert.match(finding.message, /^The shard "model-00001-of-00002\.safetensors" is not there\.$/);
  assert.deepEqual(codesOf(findings), ['shard-missing']);
});

for (const [says, name, reason] of [
  ['a parent folder', '../other/model.safetensors', /is named by a path with "\.\."/],
  ['an absolute path', '/etc/passwd', /is named by an absolute path/],
  ['a URL', 'https://example.org/model.safetensors', /is named by a URL/],
  ['a backslash', '..\\model.safetensors', /has a backslash/],
] as const) {
  test(`a shard named by ${says} is refused`, async () => {
    const text = index({ a: name, c: SECOND });
    const finding = only(await check(twoShards(), text), 'shard-outside-folder');
    assert.equal(finding.severity, 'error');
    assert.equal(textAt(text, finding.range), JSON.stringify(name));
    assert.match(finding.message, reason);
  });
}

test('a shard that is a link out of the folder is refused', async () => {
  const folder = twoShards();
  const outside = writeTensors(paths.join(temporaryFolder(), 'x.safetensors'), { a: { shape: [1] } });
  fs.rmSync(paths.join(folder, FIRST));
  fs.symlinkSync(outside, paths.join(folder, FIRST));
  const finding = only(await check(folder, index(RIGHT)), 'shard-outside-folder');
  assert.match(finding.message, /is a link out of the folder/);
});

test('a shard that cannot be read brings its own reason', async () => {
  const folder = twoShards();
  fs.truncateSync(paths.join(folder, SECOND), fs.statSync(paths.join(folder, SECOND)).size - 5);
  const text = index(RIGHT);
  const finding = only(await check(folder, text), 'shard-unreadable');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), `"${SECOND}"`);
  assert.match(finding.message, /is 5 bytes short/);
});

test('another index under the name of a shard is no shard', async () => {
  const folder = twoShards();
  fs.writeFileSync(paths.join(folder, 'inner.safetensors.index.json'), index(RIGHT));
  const finding = only(await check(folder, index({ a: 'inner.safetensors.index.json' })), 'shard-unreadable');
  assert.match(finding.message, /a shard is one safetensors file/);
});

test('a tensor that no shard has is shown by its name', async () => {
  const text = index({ ...RIGHT, ghost: SECOND });
  const finding = only(await check(twoShards(), text), 'tensor-in-no-shard');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"ghost"');
  assert.equal(finding.message, 'No shard has tensor "ghost".');
});

test('a tensor that lies in another shard is moved there in the index', async () => {
  const folder = twoShards();
  const text = index({ ...RIGHT, b: SECOND });
  const finding = only(await check(folder, text), 'tensor-in-other-shard');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), `"${SECOND}"`);
  assert.equal(finding.message, `Tensor "b" is not in "${SECOND}" but in "${FIRST}".`);
  assert.deepEqual(await repaired(folder, text, finding), []);
});

test('tensors that the index does not list are added to it', async () => {
  const folder = twoShards();
  const text = index({ c: SECOND, a: FIRST });
  const finding = only(await check(folder, text), 'tensor-not-in-index');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"weight_map"');
  assert.equal(finding.message, `Tensor "b" in "${FIRST}" is not listed.`);
  assert.equal(finding.fixes?.[0]?.title, 'List 1 tensor in the index');
  assert.deepEqual(await repaired(folder, text, finding), []);
});

test('a tensor in two shards is a warning where the index says which one counts', async () => {
  const folder = twoShards();
  writeTensors(paths.join(folder, SECOND), { a: { shape: [1] }, c: { shape: [2, 3] } });
  const text = index(RIGHT, { total_size: 40 });
  const finding = only(await check(folder, text), 'tensor-in-two-shards');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), `"${FIRST}"`);
  assert.match(finding.message, /^Tensor "a" is in "model-00001.*" and "model-00002.*"\.$/);
});

test('a tensor in two shards that the index does not list is an error', async () => {
  const folder = twoShards();
  writeTensors(paths.join(folder, SECOND), { a: { shape: [1] }, c: { shape: [2, 3] } });
  const finding = only(await check(folder, index({ b: FIRST, c: SECOND })), 'tensor-ambiguous');
  assert.equal(finding.severity, 'error');
  assert.match(finding.message, /and the index names neither\.$/);
});

test('a wrong total_size is corrected to the bytes of all tensors', async () => {
  const folder = twoShards();
  const text = index(RIGHT, { total_size: 37 });
  const finding = only(await check(folder, text), 'index-total-size');
  assert.equal(finding.severity, 'information');
  assert.equal(textAt(text, finding.range), '37');
  assert.equal(finding.message, 'metadata.total_size is 37, the tensors take 36 bytes.');
  assert.deepEqual(await repaired(folder, text, finding), []);
});

test('a total_size that is no number is of the wrong type', async () => {
  const text = index(RIGHT, { total_size: '36' });
  const finding = only(await check(twoShards(), text), 'json-type');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"36"');
});

test('a shard must be a string', async () => {
  const text = index({ ...RIGHT, b: { file: FIRST } });
  const findings = await check(twoShards(), text);
  const finding = only(findings, 'index-shard-name');
  assert.equal(finding.severity, 'error');
  assert.match(textAt(text, finding.range), /^\{\s+"file": "[^"]+"\s+\}$/);
  assert.equal(finding.message, 'Tensor "b" needs the name of a shard, in double quotes.');
});

test('an index without weight_map, or with an empty one, names no tensor', async () => {
  const folder = twoShards();
  const without = only(await check(folder, '{"metadata": {}}'), 'index-weight-map');
  assert.equal(without.severity, 'error');
  assert.deepEqual(without.range, { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } });
  const empty = only(await check(folder, index({})), 'index-no-shards');
  assert.equal(empty.severity, 'error');
  assert.match(empty.message, /"weight_map" is empty/);
  assert.deepEqual(codesOf(await check(folder, '{"weight_map": []}')), ['json-type']);
  assert.deepEqual(codesOf(await check(folder, '[]')), ['json-type']);
});

test('more shards than any model has are not opened', async () => {
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`t${at}`, `${at}.safetensors`]));
  const findings = await check(twoShards(), index(many));
  assert.deepEqual(codesOf(findings), ['index-too-many-shards']);
  assert.match(findings[0]?.message ?? '', /10,001 shards/);
});

for (const [says, text, covers, message] of [
  ['a missing comma', '{"weight_map": {"a": "x" "b": "y"}}', '"b"', /a comma or a closing brace is expected/],
  ['a comma too many', '{"weight_map": {"a": "x",}}', '}', /a key in double quotes is expected/],
  ['a comment', '{"weight_map": {/* no */}}', '/* no */', /JSON has no comments/],
  ['a string without end', '{"weight_map": {"a": "x}}', '"x}}', /this is not valid JSON/],
  ['brackets that do not match', '{"x": [1}, "weight_map": {}}', '}', /brackets do not match/],
  ['an end too early', '{"weight_map": {"a": "x"', '"', /but the file ends/],
  ['text after the end', '{"weight_map": {}} {}', '{', /the end of the file is expected/],
  ['nothing at all', '', '', /an object is expected, but the file ends/],
] as const) {
  test(`${says} is a syntax error where it stands`, async () => {
    const finding = only(await check(twoShards(), text), 'json-syntax');
    assert.equal(finding.severity, 'error');
    assert.equal(textAt(text, finding.range), covers);
    assert.match(finding.message, message);
  });
}

test('a tensor that is listed twice is shown the second time', async () => {
  const text = `{"weight_map": {"a": "${FIRST}", "b": "${FIRST}", "c": "${SECOND}", "a": "${FIRST}"}}`;
  const finding = only(await check(twoShards(), text), 'json-duplicate-key');
  assert.equal(finding.range?.start.character, text.lastIndexOf('"a"'));
});

test('nesting without end is refused', async () => {
  const text = `{"metadata": ${'['.repeat(100_000)}`;
  assert.deepEqual(codesOf(await check(twoShards(), text)), ['json-depth']);
});

test('beyond a hundred findings only their number is given', async () => {
  const ghosts = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`ghost.${at}`, 4]));
  const findings = await check(twoShards(), index({ ...RIGHT, ...ghosts }));
  assert.equal(findings.length, 101);
  const last = only(findings, 'more-findings');
  assert.equal(last.severity, 'information');
  assert.match(last.message, /^150 more findings in this file are not shown\.$/);
});

test('a cancelled check ends without findings', async () => {
  const folder = twoShards();
  const path = paths.join(folder, 'model.safetensors.index.json');
  const context = contextFor([folder], { signal: AbortSignal.abort() });
  assert.deepEqual(await lint(path, index({ ...RIGHT, ghost: SECOND }), context), []);
});
