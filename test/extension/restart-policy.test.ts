import assert from 'node:assert/strict';
import test from 'node:test';
import { restartPolicy } from '../../src/extension/restart-policy';

const SECOND = 1000;

test('a server that ends again and again is given up the fifth time', () => {
  const mayRestart = restartPolicy();
  const answers = [0, 1, 2, 3, 4].map((time) => mayRestart(time * SECOND));
  assert.deepEqual(answers, [true, true, true, true, false]);
});

test('a server that ends now and then is always started again', () => {
  const mayRestart = restartPolicy();
  for (let hour = 0; hour < 50; hour++) assert.equal(mayRestart(hour * 3600 * SECOND), true);
});
