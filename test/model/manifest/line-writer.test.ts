import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { digitsOf, LineWriter } from '../../../src/model/manifest/line-writer';

const width = fc.nat(30);

test('cells are filled up as strings of JavaScript are, whatever the text', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const cell = fc.oneof(
    fc.tuple(fc.constant('left'), text, width),
    fc.tuple(fc.constant('right'), text, width),
    fc.tuple(fc.constant('number'), fc.maxSafeNat(), width),
  );
  fc.assert(
    fc.property(fc.array(cell), (cells) => {
      const writer = new LineWriter();
      let expected = '';
      for (const [kind, value, wide] of cells) {
        if (typeof value === 'number') writer.number(value, wide);
        else if (kind === 'left') writer.left(value, wide);
        else writer.right(value, wide);
        writer.endLine();
        const written = String(value);
        expected += `${kind === 'left' ? written.padEnd(wide) : written.padStart(wide)}\n`;
      }
      assert.equal(writer.toString(), expected);
      assert.equal(Buffer.from(writer.toBytes()).toString(), expected);
    }),
  );
});

test('digits are counted up to the largest number that is one', () => {
  for (const value of [0, 9, 10, 99, 1e15 - 1, 1e15, Number.MAX_SAFE_INTEGER]) {
    assert.equal(digitsOf(value), String(value).length);
  }
});
