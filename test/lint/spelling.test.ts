import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../src/lint/spelling';

/** The definition, by recursion. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const same = a.at(-1) === b.at(-1) ? 0 : 1;
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
  const ways = [slowDistance(x, b) + 1, slowDistance(a, y) + 1, slowDistance(x, y) + same];
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  if (swapped) ways.push(slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1);
  return Math.min(...ways);
}

test('the distance is that of its definition, up to the limit', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }).map((letters) => letters.join(''));
  fc.assert(
    fc.property(word, word, fc.nat(4), (a, b, limit) => {
      assert.equal(editDistance(a, b, limit), Math.min(slowDistance(a, b), limit + 1));
    }),
  );
});

test('a name is guessed from a near miss, and from nothing farther', () => {
  const names = ['q_proj', 'k_proj', 'gate_proj', 'r'];
  assert.equal(nearestName('q_porj', names), 'q_proj');
  assert.equal(nearestName('gateproj', names), 'gate_proj');
  assert.equal(nearestName('GATE_PROJ', names), 'gate_proj');
  assert.equal(nearestName('down_proj', names), null);
  assert.equal(nearestName('x', names), null);
});
