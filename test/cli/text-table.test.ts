import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visible } from '../../src/protocol/visible-text';
import { textTable } from '../../src/cli/text-table';

test('what moves the cursor or turns the direction of writing round is shown, not done', () => {
  assert.equal(visible('a\u001b[2Jb'), 'a\\x1b[2Jb');
  assert.equal(visible('line\nbreak\u2028'), 'line\\x0abreak\\u2028');
  assert.equal(visible('ab\u202edc\u2066'), 'ab\\u202edc\\u2066');
  assert.equal(visible('שכבה 👩‍🔬 ‖τ‖'), 'שכבה 👩‍🔬 ‖τ‖');
});

test('an endless name is cut in the middle and keeps its ends', () => {
  const name = `model.${'x'.repeat(5000)}.weight`;
  const [, row = ''] = textTable([{ title: 'TENSOR', align: 'left' }], [[name]]).split('\n');
  assert.match(row, /^model\.x+…x+\.weight$/);
  assert.ok(row.length < 200);
});
