import assert from 'node:assert/strict';
import type { Result } from '../../src/protocol/result';

/** The value of a result that must have one. */
export function got<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? '' : `${result.problem.code}: ${result.problem.message}`);
  return result.value;
}

/** The code of a result that must be a problem. */
export function codeOf(result: Result<unknown>): string {
  return result.ok ? 'no problem' : result.problem.code;
}
