import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonFault } from '../../src/format/json-cursor';
import { JsonReader } from '../../src/format/json-reader';
import { firstInvalidUtf8 } from '../../src/format/utf8';

/** Reads a whole text into maps, arrays and plain values. */
function readAll(text: string): { value: unknown; fault: JsonFault | null } {
  const reader = new JsonReader(Buffer.from(text));
  const value = readValue(reader);
  reader.end();
  return { value, fault: reader.fault };
}

function readValue(reader: JsonReader): unknown {
  switch (reader.peek()) {
    case 'object': {
      const entries: [string, unknown][] = [];
      reader.object((key) => entries.push([key, readValue(reader)]));
      return Object.fromEntries(entries);
    }
    case 'array': {
      const elements: unknown[] = [];
      reader.array(() => elements.push(readValue(reader)));
      return elements;
    }
    case 'string':
      return reader.string();
    case 'number':
      return reader.number();
    case 'true':
      reader.skip();
      return true;
    case 'false':
      reader.skip();
      return false;
    case 'null':
    case 'none':
      reader.skip();
      return null;
  }
}

test('every JSON value is read as JSON.parse reads it, with any white space', () => {
  const value = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, '\t', ' \n\r'), (json, space) => {
      const text = JSON.stringify(json, null, space);
      const read = readAll(text);
      assert.equal(read.fault, null);
      assert.deepEqual(read.value, JSON.parse(text));
    }),
  );
});

test('every string survives, whether its characters are written as they are or as escapes', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(text, (string) => {
      const escaped = [...string]
        .flatMap((character) => character.split(''))
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('');
      assert.equal(readAll(JSON.stringify(string)).value, string);
      assert.equal(readAll(`"${escaped}"`).value, string);
    }),
  );
});

test('a changed text is refused exactly where JSON.parse refuses it', () => {
  const text = '{"a": [1, -2.5e+3, true], "b": {"c": "\\u00e9\\n", "d": null}, "e": ""}';
  const byte = fc.constantFrom(...Buffer.from('{}[]",:\\0123456789.-+eEtfnu \n\u0001x'));
  fc.assert(
    fc.property(
      fc.nat(text.length - 1),
      fc.constantFrom(0, 1),
      fc.array(byte, { maxLength: 3 }),
      (at, cut, bytes) => {
        const changed = text.slice(0, at) + Buffer.from(bytes).toString('latin1') + text.slice(at + cut);
        let expected: unknown;
        let valid = true;
        try {
          expected = JSON.parse(changed);
        } catch {
          valid = false;
        }
        const { value, fault } = readAll(changed);
        if (fault?.code === 'json-duplicate-key') return;
        assert.equal(fault === null, valid, changed);
        if (valid) assert.deepEqual(value, expected);
      },
    ),
    { numRuns: 3000 },
  );
});

const REFUSED: readonly (readonly [text: string, code: string, offset: number])[] = [
  ['', 'json-syntax', 0],
  ['{"a":1', 'json-syntax', 6],
  ['{"a":1,}', 'json-syntax', 7],
  ['{"a" 1}', 'json-syntax', 5],
  ['[1 2]', 'json-syntax', 3],
  ['{"a":1}x', 'json-syntax', 7],
  ['{"a":01}', 'json-syntax', 5],
  ['{"a":1.}', 'json-syntax', 7],
  ['{"a":tru}', 'json-syntax', 5],
  ['{"a":"b', 'json-syntax', 5],
  ['{"a":"\n"}', 'json-syntax', 6],
  ['{"a":"\\x"}', 'json-syntax', 6],
  ['{"a":"\\ud800"}', 'json-syntax', 6],
  ['{"a":"\\udc00\\ud800"}', 'json-syntax', 6],
  ['{"a":1,"b":2,"a":3}', 'json-duplicate-key', 13],
  ['{"\\u0061":1,"a":2}', 'json-duplicate-key', 12],
  ['{"__proto__":1,"__proto__":2}', 'json-duplicate-key', 15],
];

for (const [text, code, offset] of REFUSED) {
  test(`${JSON.stringify(text)} is refused with ${code} at byte ${String(offset)}`, () => {
    const { fault } = readAll(text);
    assert.equal(fault?.code, code);
    assert.equal(fault.offset, offset);
  });
}

test('a duplicate is found among many keys as well as among few', () => {
  const keys = Array.from({ length: 100 }, (_, index) => `"key ${String(index)}":0`);
  assert.equal(readAll(`{${keys.join(',')}}`).fault, null);
  assert.equal(readAll(`{${keys.join(',')},"key 50":0}`).fault?.code, 'json-duplicate-key');
});

test('__proto__, constructor and toString are keys like any other', () => {
  const { value, fault } = readAll('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');
  assert.equal(fault, null);
  assert.deepEqual(Object.keys(value as object), ['__proto__', 'constructor', 'toString']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('nesting is refused beyond 64 levels, however deep it goes', () => {
  assert.equal(readAll('['.repeat(64) + ']'.repeat(64)).fault, null);
  assert.equal(readAll('['.repeat(65) + ']'.repeat(65)).fault?.code, 'json-depth');
  assert.equal(readAll('['.repeat(10_000_000)).fault?.code, 'json-depth');
  assert.equal(readAll('{"a":'.repeat(2_000_000)).fault?.code, 'json-depth');
});

const INTEGERS: readonly (readonly [text: string, value: number | null])[] = [
  ['0', 0],
  ['7', 7],
  ['999999999999999', 999999999999999],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', null],
  ['9007199254740993', null],
  ['18446744073709551616', null],
  ['1'.repeat(5000), null],
  ['-1', null],
  ['-0', null],
  ['1.0', null],
  ['0.5', null],
  ['1e3', null],
  ['1E+2', null],
  ['1e400', null],
  ['4503599627370497.5', null],
];

for (const [text, value] of INTEGERS) {
  test(`${text.slice(0, 30)} ${value === null ? 'is no whole number that a size can be' : 'is read exactly'}`, () => {
    const reader = new JsonReader(Buffer.from(` ${text} `), 100);
    const read = reader.integer();
    if (value !== null) assert.equal(read, value);
    else assert.deepEqual([reader.fault?.code, reader.fault?.offset], ['json-number', 101]);
  });
}

test('the first invalid byte of UTF-8 is the one where a decoder gives up', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decodes = (bytes: Uint8Array) => {
    try {
      fatal.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const byte = fc.oneof(
    fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff),
    fc.nat(255),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (numbers) => {
      const bytes = Uint8Array.from(numbers);
      const at = firstInvalidUtf8(bytes);
      assert.equal(at === -1, decodes(bytes));
      if (at === -1) return;
      assert.ok(decodes(bytes.subarray(0, at)), 'what comes before is valid');
      for (let end = at + 1; end <= Math.min(at + 4, bytes.length); end++) {
        assert.ok(!decodes(bytes.subarray(at, end)), 'no character begins there');
      }
    }),
    { numRuns: 5000 },
  );
});

test('invalid UTF-8 is refused with its offset in the file', () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  const reader = new JsonReader(bytes, 8);
  assert.deepEqual([reader.fault?.code, reader.fault?.offset], ['json-utf8', 14]);
});
