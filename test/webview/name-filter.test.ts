import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNameFilter } from '../../webview/checkpoint/name-filter';

const NAMES = [
  'model.layers.0.mlp.up_proj.weight',
  'model.layers.10.self_attn.q_proj.bias',
  'lm_head.weight',
];

function passing(text: string, isPattern: boolean): string[] {
  const filter = makeNameFilter(text, isPattern, 60);
  assert.ok(filter.ok, filter.ok ? '' : filter.message);
  return NAMES.filter(filter.matches);
}

test('text matches anywhere and ignores case, and its signs mean nothing', () => {
  assert.deepEqual(passing('MLP.UP', false), [NAMES[0]]);
  assert.deepEqual(passing('.*', false), []);
  assert.deepEqual(passing('', false), NAMES);
});

test('a pattern matches as JavaScript would', () => {
  assert.deepEqual(passing('layers\\.\\d+\\..*proj', true), NAMES.slice(0, 2));
  assert.deepEqual(passing('^(lm_head|embed)', true), [NAMES[2]]);
  assert.deepEqual(passing('(self_attn|mlp)\\.\\w+\\.(weight|bias)$', true), NAMES.slice(0, 2));
  assert.deepEqual(passing('(?:layers)?\\.[0-9]{1,3}\\.', true), NAMES.slice(0, 2));
});

test('a broken pattern is refused with what is wrong', () => {
  const filter = makeNameFilter('layers.(', true, 60);
  assert.equal(filter.ok, false);
  assert.match(filter.ok ? '' : filter.message, /group/i);
});

const CATASTROPHIC = [
  '(a+)+$',
  '(a*)*b',
  '(a|aa)+$',
  '(.*a){20}',
  '((a?)*)*$',
  '([a-z]+)*\\d',
  '(?:x+x+)+y',
  '(a{1,30}){1,30}$',
  '.*.*.*.*.*.*.*.*x',
  'a?'.repeat(30) + 'a'.repeat(30),
];

for (const pattern of CATASTROPHIC) {
  test(`the pattern ${pattern.slice(0, 30)}, which could hang the view, is refused`, () => {
    assert.equal(makeNameFilter(pattern, true, 80).ok, false);
  });
}

test('signs inside classes and after backslashes are no repetitions', () => {
  assert.equal(makeNameFilter('([+*]|\\+)+', true, 80).ok, false);
  assert.equal(makeNameFilter('([+*?{])+', true, 80).ok, true);
  assert.equal(makeNameFilter('(\\+\\*)+', true, 80).ok, true);
});
