import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readPattern } from '../../src/model/pattern';

/** Patterns that JavaScript and Python read alike. */
const { pattern: PATTERN } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', '.', '\\.', '[ab]', '[^a]', '\\d', '\\w', '1'),
    tie('pattern').map((inner) => `(${inner})`),
    tie('pattern').map((inner) => `(?:${inner})`),
    tie('pattern').map((inner) => `(?!${inner})`),
  ),
  pattern: fc
    .array(
      fc.array(fc.tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '{1,2}')), { maxLength: 3 }),
      { minLength: 1, maxLength: 2 },
    )
    .map((branches) =>
      branches
        // A repeated lookahead is an error in one dialect and not in the other.
        .map((parts) => parts.map(([atom, times]) => (atom.startsWith('(?!') ? atom : atom + times)).join(''))
        .join('|'),
    ),
}));

test('matches what a backtracking engine matches', () => {
  fc.assert(
    fc.property(PATTERN, fc.stringMatching(/^[ab1.]{0,7}$/), (source, text) => {
      const read = readPattern(source);
      assert.ok(read.kind === 'pattern', source);
      assert.equal(read.matches(text), new RegExp(`^(?:${source})$`).test(text), `${source} on ${text}`);
    }),
    { numRuns: 3000 },
  );
});

test('tells invalid patterns from those it does not understand', () => {
  for (const source of ['(', 'a)', '[', '*a', 'a**', '\\'])
    assert.equal(readPattern(source).kind, 'invalid', source);
  for (const source of ['(?<=a)b', '(a)\\1', '(?i)a'])
    assert.equal(readPattern(source).kind, 'unsupported', source);
});
