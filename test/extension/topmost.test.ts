import assert from 'node:assert/strict';
import test from 'node:test';
import { topmost } from '../../src/extension/topmost';

test('what lies below another path is left out, whatever the order', () => {
  assert.deepEqual(topmost(['/a/b/c', '/a', '/a/b']), ['/a']);
});

test('a path that only begins alike is kept', () => {
  assert.deepEqual(topmost(['/a', '/a-b/c', '/a/x', '/ab']).sort(), ['/a', '/a-b/c', '/ab']);
});

test('a path given twice is kept once', () => {
  assert.deepEqual(topmost(['/a', '/a']), ['/a']);
});
