import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowRanges } from '../../src/lens/row-ranges';

const ROWS = ['input', 'encoder 0', 'encoder 1', 'decoder 2', 'decoder 3', 'output'].map((label) => ({
  label,
}));

test('neighbouring layers of one part are named as a range', () => {
  assert.equal(rowRanges(ROWS, [0, 1, 2, 3, 4]), 'input, encoders 0–1 and decoders 2–3');
  assert.equal(rowRanges(ROWS, [1, 3]), 'encoder 0 and decoder 2');
  assert.equal(rowRanges(ROWS, [5]), 'output');
  assert.equal(rowRanges(ROWS, []), '');
});
