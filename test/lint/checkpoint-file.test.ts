import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { codesOf, contextFor, lintFile, only, temporaryFolder, writeTensors } from './build';

function file(values: readonly number[], shape: readonly number[] = [values.length]): string {
  return writeTensors(paths.join(temporaryFolder(), 'model.safetensors'), {
    fine: { shape: [3] },
    weight: { shape, values },
  });
}

test('a sound checkpoint has no findings', async () => {
  assert.deepEqual(await lintFile(file([1, 0, -2]), contextFor([])), []);
});

test('NaN is reported by tensor, with its count and first positions', async () => {
  const path = file([1, NaN, 2, 3, NaN, NaN, 4, NaN], [2, 4]);
  const finding = only(await lintFile(path, contextFor([])), 'tensor-nan');
  assert.equal(finding.severity, 'error');
  assert.equal(finding.path, path);
  assert.equal(finding.range, undefined);
  assert.equal(finding.at, 'weight');
  assert.equal(
    finding.message,
    'Tensor "weight" holds 4 NaN among 8 values: NaN at [0, 1], NaN at [1, 0], NaN at [1, 1] ...',
  );
});

test('infinities alone are a warning', async () => {
  const finding = only(await lintFile(file([1, Infinity, -Infinity]), contextFor([])), 'tensor-infinite');
  assert.equal(finding.severity, 'warning');
  assert.equal(finding.message, 'Tensor "weight" holds 2 ±Inf among 3 values: +Inf at [1], -Inf at [2].');
});

test('a tensor with both is reported once, as NaN', async () => {
  const findings = await lintFile(file([NaN, Infinity]), contextFor([]));
  assert.match(only(findings, 'tensor-nan').message, /holds 1 NaN and 1 ±Inf among 2 values/);
  assert.equal(findings.length, 1);
});

test('values are not read beyond the limit, and nothing is said about them', async () => {
  const path = file([NaN, NaN]);
  assert.deepEqual(await lintFile(path, contextFor([], { scanLimit: 19 })), []);
  assert.deepEqual(codesOf(await lintFile(path, contextFor([], { scanLimit: 20 }))), ['tensor-nan']);
});

test('a truncated file is so many bytes short', async () => {
  const path = file([1, 2, 3]);
  fs.truncateSync(path, fs.statSync(path).size - 7);
  const finding = only(await lintFile(path, contextFor([])), 'file-truncated');
  assert.equal(finding.severity, 'error');
  assert.match(finding.message, /model\.safetensors is 7 bytes short/);
  assert.ok(finding.help.length > 0);
});

test('a bad header is an error of the file', async () => {
  const path = file([1]);
  const bytes = fs.readFileSync(path);
  bytes.write('!', 9);
  fs.writeFileSync(path, bytes);
  const finding = only(await lintFile(path, contextFor([])), 'json-syntax');
  assert.equal(finding.severity, 'error');
  assert.equal(finding.range, undefined);
});

test('a file that is not there is an error', async () => {
  const finding = only(await lintFile('/nowhere/model.safetensors', contextFor([])), 'file-missing');
  assert.equal(finding.severity, 'error');
});

test('what the directory finds odd is passed on', async () => {
  const path = file([1]);
  fs.appendFileSync(path, 'xyz');
  const finding = only(await lintFile(path, contextFor([])), 'trailing-bytes');
  assert.equal(finding.severity, 'warning');
  assert.match(finding.message, /3 bytes after its last tensor/);
});

test('a cancelled scan says nothing about values', async () => {
  const context = contextFor([], { signal: AbortSignal.abort() });
  assert.deepEqual(await lintFile(file([NaN]), context), []);
});

test('NaN is found beside complex numbers, of which no statistics are taken', async () => {
  const path = paths.join(temporaryFolder(), 'model.safetensors');
  const header = Buffer.from(
    JSON.stringify({
      c: { dtype: 'C64', shape: [1], data_offsets: [0, 8] },
      w: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
    }),
  );
  const [length, nan] = [Buffer.alloc(8), Buffer.alloc(12)];
  length.writeBigUInt64LE(BigInt(header.length));
  nan.writeFloatLE(NaN, 8);
  fs.writeFileSync(path, Buffer.concat([length, header, nan]));
  assert.deepEqual(codesOf(await lintFile(path, contextFor([]))), ['tensor-nan']);
});
