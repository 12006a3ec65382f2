import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  briefCount,
  briefNumber,
  formatBytes,
  formatCell,
  formatCount,
  formatNumber,
  formatShare,
  fullNumber,
} from '../../src/figure/number-text';

test('six significant digits are within half a unit of the sixth digit', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }), (value) => {
      const read = Number(formatNumber(value));
      assert.ok(Math.abs(read - value) <= Math.abs(value) * 5.0000001e-6 + Number.MIN_VALUE);
    }),
  );
});

test('the full form reads back as the very same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(Number(fullNumber(value)), value + 0);
    }),
  );
});

test('numbers have no trailing zeros, and what is not a number says so', () => {
  assert.equal(formatNumber(0.5), '0.5');
  assert.equal(formatNumber(1 / 3), '0.333333');
  assert.equal(formatNumber(120), '120');
  assert.equal(formatNumber(1.2e-7), '1.2e-7');
  assert.equal(formatNumber(2.5e12), '2.5e12');
  assert.equal(formatNumber(0), '0');
  assert.equal(formatNumber(null), '–');
  assert.equal(formatNumber(Number.NaN), '–');
  assert.equal(formatNumber(-Infinity), '-∞');
});

test('a number in a cell of a heatmap is at most six characters long', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), (value) => {
      const short = Math.abs(value) < 1e-99 ? '0' : briefNumber(value);
      assert.ok(short.length <= 6 || Number.isInteger(value), short);
    }),
  );
  assert.equal(briefNumber(0.3), '.30');
  assert.equal(briefNumber(-0.123), '-.12');
});

test('counts, sizes and shares read as people write them', () => {
  assert.equal(formatCount(623744), '623,744');
  assert.equal(briefCount(9999), '9,999');
  assert.equal(briefCount(623744), '623.7 K');
  assert.equal(briefCount(8.03e9), '8.03 B');
  assert.equal(formatBytes(999), '999 B');
  assert.equal(formatBytes(2_490_000), '2.49 MB');
  assert.equal(formatShare(0.12345), '12.35 %');
  assert.equal(formatCell(null, 'number'), '–');
  assert.equal(formatCell(true, 'boolean'), 'yes');
  assert.equal(formatCell(1234567, 'integer'), '1,234,567');
});

test('a list shows its first numbers and how many there are, in full all of them', () => {
  assert.equal(formatCell([0.5, 1 / 3, 2], 'number'), '0.5, 0.3333, 2');
  assert.equal(formatCell([4, 3, 2, 1], 'number'), '4, 3, 2, … (4)');
  assert.equal(formatCell([4, 3, 2, 1 / 3], 'number', true), `4, 3, 2, ${String(1 / 3)}`);
});
