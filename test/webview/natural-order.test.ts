import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareKeys, naturalKey } from '../../webview/checkpoint/natural-order';

function sorted(names: readonly string[]): string[] {
  return [...names].sort((a, b) => compareKeys(naturalKey(a), naturalKey(b)));
}

test('layers stand in the order of their numbers', () => {
  assert.deepEqual(sorted(['h.10.w', 'h.9.w', 'h.100.w', 'h.1.w', 'h.2.w']), [
    'h.1.w',
    'h.2.w',
    'h.9.w',
    'h.10.w',
    'h.100.w',
  ]);
});

test('several numbers in a name count one after the other', () => {
  assert.deepEqual(sorted(['a.2.b.10', 'a.2.b.9', 'a.10.b.1', 'a.1.b.99']), [
    'a.1.b.99',
    'a.2.b.9',
    'a.2.b.10',
    'a.10.b.1',
  ]);
});

test('leading zeros and case decide only between names that are otherwise equal', () => {
  assert.deepEqual(sorted(['w.010', 'w.9', 'W.10', 'w.11']), ['w.9', 'W.10', 'w.010', 'w.11']);
});

test('whole numbers of any length sort by value', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 0n, max: 10n ** 30n })), (numbers) => {
      const names = numbers.map((number) => `layer.${String(number)}.weight`);
      const wanted = [...numbers]
        .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        .map((number) => `layer.${String(number)}.weight`);
      assert.deepEqual(sorted(names), wanted);
    }),
  );
});

test('different names never have equal keys', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => (naturalKey(a) === naturalKey(b)) === (a === b)));
});
