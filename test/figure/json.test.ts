import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resultToJson, resultToJsonPieces } from '../../src/figure/json';
import type { LensResult } from '../../src/protocol/artifact';

/** A result whose last artifact is whatever JSON can say; nothing looks into a note. */
function resultWith(anything: unknown): LensResult {
  const artifacts = [{ kind: 'note', id: 'a', rest: anything, nothing: undefined }];
  return { lens: 'any', empty: [], artifacts, findings: [] } as unknown as LensResult;
}

test('a result written piece by piece is what JSON.stringify makes of it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (anything) => {
      const result = resultWith(anything);
      assert.equal(resultToJson(result), JSON.stringify(result, null, 2));
    }),
    { numRuns: 300 },
  );
});

test('a long table comes in pieces that are small beside it', () => {
  const rows = Array.from({ length: 10_001 }, (_, row) => ['a.tensor\nname', row, null, [row / 3]]);
  const result = resultWith(rows);
  const pieces = [...resultToJsonPieces(result)];
  const whole = JSON.stringify(result, null, 2);
  assert.equal(pieces.join(''), whole);
  assert.ok(Math.max(...pieces.map(({ length }) => length)) < whole.length / 4);
});
