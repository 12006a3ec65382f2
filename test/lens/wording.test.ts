import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, countText, namesText, percent, shortNumber } from '../../src/lens/wording';

test('counts have separators of thousands and the noun its number', () => {
  assert.equal(countText(1, 'tensor'), '1 tensor');
  assert.equal(countText(1_234_567, 'tensor'), '1,234,567 tensors');
});

test('numbers in sentences have three digits', () => {
  assert.equal(shortNumber(0.123_456), '0.123');
  assert.equal(shortNumber(-1234.5), '-1,230');
  assert.equal(shortNumber(1.234e-8), '1.23e-8');
  assert.equal(percent(0.123_44), '12.3 %');
});

test('bytes are in decimal units', () => {
  assert.equal(bytesText(0), '0 B');
  assert.equal(bytesText(999), '999 B');
  assert.equal(bytesText(1_234_000), '1.23 MB');
});

test('long lists of names end with how many are left', () => {
  assert.equal(namesText(['a', 'b']), 'a, b');
  assert.equal(namesText(['a', 'b', 'c'], 1, '; '), 'a and 2 more');
});
