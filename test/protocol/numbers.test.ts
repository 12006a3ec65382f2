import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packNumbers, unpackNumbers } from '../../src/protocol/numbers';

const cell = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null));

test('numbers and undefined cells survive the wire, few or many', () => {
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 20 }), fc.integer({ min: 1, max: 2000 }), (few, times) => {
      const values = Array.from(
        { length: few.length * times },
        (_, index) => few[index % few.length] ?? null,
      );
      const wire = JSON.parse(JSON.stringify(packNumbers(values))) as ReturnType<typeof packNumbers>;
      const back = unpackNumbers(wire);
      assert.equal(back.length, values.length);
      // JSON writes −0 as 0; nothing that is drawn tells them apart.
      for (const [index, value] of values.entries()) assert.ok(back[index] === value);
    }),
    { numRuns: 50 },
  );
});

test('many numbers travel as bytes, not as text', () => {
  const packed = packNumbers(Array.from({ length: 240_000 }, (_, index) => index / 7));
  assert.ok('float64' in packed);
  assert.equal(packed.float64.length, Math.ceil((240_000 * 8) / 3) * 4);
});
