import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapedText, readName, writtenName } from '../../../src/model/manifest/written-name';

test('ordinary names stand as they are', () => {
  for (const name of [
    'model.layers.0.self_attn.q_proj.weight',
    'lora_te1/x:0',
    'a\\b',
    'Gewicht.ä',
    '层.1',
  ]) {
    assert.equal(writtenName(name), name);
  }
});

test('names that would be taken for something else are quoted', () => {
  assert.equal(writtenName(''), '""');
  assert.equal(writtenName('a b'), '"a b"');
  assert.equal(writtenName('# file 1: x'), '"# file 1: x"');
  assert.equal(writtenName('[input]'), '"[input]"');
  assert.equal(writtenName('"a" \\'), String.raw`"\"a\" \\"`);
});

test('line ends, control characters, bidirectional marks and letters from right to left are escaped', () => {
  assert.equal(writtenName('a\nb'), String.raw`"a\u000ab"`);
  assert.equal(writtenName('a\u2028b\u0085c\u00a0d'), String.raw`"a\u2028b\u0085c\u00a0d"`);
  assert.equal(writtenName('w\u202etxt'), String.raw`"w\u202etxt"`);
  assert.equal(writtenName('w\u2066x\u2069'), String.raw`"w\u2066x\u2069"`);
  assert.equal(writtenName('\u05d0'), String.raw`"\u05d0"`);
  assert.equal(writtenName('\ud800'), String.raw`"\ud800"`);
  // A tag character, which no editor shows: two code units.
  assert.equal(writtenName('a\u{e0001}'), String.raw`"a\udb40\udc01"`);
  assert.equal(escapedText('two\r\nlines'), String.raw`two\u000d\u000alines`);
});

test('every name is one line of one word or one quoted text, and can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const written = writtenName(name);
      assert.equal(readName(written), name);
      assert.doesNotMatch(written, /[\p{C}\p{Zl}\p{Zp}]/u);
      assert.match(written, /^(?:"(?:[^"\\]|\\.)*"|[^\s"#[]\S*)$/u);
    }),
  );
});
