import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCounts } from '../scripts/test-counts.mjs';

test('counts come from the summary of node:test, in both of its formats and in colour', () => {
  const lines = ['tests 9', 'suites 0', 'pass 5', 'fail 1', 'cancelled 1', 'skipped 1', 'todo 1'];
  const expected = { passed: 5, failed: 2, skipped: 2 };
  assert.deepEqual(
    readCounts(`✔ 5 passing things\n${lines.map((line) => `ℹ ${line}`).join('\n')}\n`),
    expected,
  );
  assert.deepEqual(readCounts(lines.map((line) => `# ${line}\n`).join('')), expected);
  assert.deepEqual(readCounts(lines.map((line) => `\u001b[34mℹ ${line}\u001b[39m\n`).join('')), expected);
});

test('counts come from the summary of mocha', () => {
  const output = '\n  ✔ does a thing\n\n  12 passing (3s)\n  2 pending\n  1 failing\n\n  1) fails\n';
  assert.deepEqual(readCounts(output), { passed: 12, failed: 1, skipped: 2 });
  assert.deepEqual(readCounts('  3 passing (40ms)\n'), { passed: 3, failed: 0, skipped: 0 });
});

test('the plain line counts, and of several the last', () => {
  const output = '1 passed, 0 failed\nmore\n  4 passing (1s)\n7 passed, 2 failed, 3 skipped\n';
  assert.deepEqual(readCounts(output), { passed: 7, failed: 2, skipped: 3 });
});

test('output without a summary has no counts', () => {
  assert.equal(readCounts('All matched files use Prettier code style!\n'), null);
  assert.equal(readCounts('it said "5 passed, 0 failed" in a sentence\n'), null);
});
