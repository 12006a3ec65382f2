import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { JsonReader } from '../../src/format/json-reader';
import type { FuzzTarget } from './target';

/** What JSON.parse takes and this reader does not. */
const STRICTER = new Set([
  'json-duplicate-key',
  'json-depth',
  'json-utf8',
  'json-too-many-keys',
  'json-syntax',
]);

/** The strict JSON reader, which has to refuse all that JSON.parse refuses. */
export const json: FuzzTarget = {
  name: 'json',
  modules: /format\/(?:json-\w+|utf8)\.ts$/,
  seeds: () =>
    [
      '{"a": [1, -2.5e3, "x\\u00e9\\ud83d\\ude00\\n", true, false, null], "b": {"c": {}}}',
      '[0, 10, 1E5, [], [[]], "", "é€😀"]',
      ' "text" ',
    ].map((text) => Buffer.from(text)),
  run(bytes) {
    const reader = new JsonReader(bytes, 8);
    reader.skip();
    reader.end();
    const fault = reader.fault;
    let parsed: unknown;
    try {
      parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch {
      assert.ok(fault !== null, 'takes what is no JSON');
      return;
    }
    if (fault === null) return;
    assert.ok(STRICTER.has(fault.code), `refuses ${JSON.stringify(parsed)}: ${fault.message}`);
    assert.ok(fault.offset >= 8 && fault.offset <= bytes.length + 8, `a fault at ${String(fault.offset)}`);
  },
};
