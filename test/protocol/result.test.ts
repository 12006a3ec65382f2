import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { problemFromError } from '../../src/protocol/result';

test('a missing file becomes a problem that names it and says what to do', () => {
  try {
    readFileSync('/no/such/file.safetensors');
    assert.fail('the file must not exist');
  } catch (error) {
    const problem = problemFromError(error, '/no/such/file.safetensors');
    assert.equal(problem.code, 'file-missing');
    assert.match(problem.message, /^\/no\/such\/file\.safetensors: /);
    assert.equal(problem.path, '/no/such/file.safetensors');
    assert.ok(problem.action.length > 0);
  }
});

test('anything else thrown is called an internal error and points to the log', () => {
  const problem = problemFromError(new RangeError('Invalid array length'));
  assert.equal(problem.code, 'internal-error');
  assert.equal(problem.message, 'Invalid array length');
  assert.match(problem.action, /Show Log/);
});
