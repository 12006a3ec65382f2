import assert from 'node:assert/strict';
import { test } from 'node:test';
import { productEdge } from '../../src/lens/product-edge';
import { lowRankValues } from '../../src/tensor/linear/low-rank-svd';

/** Normal numbers by Box and Muller from a seeded generator. */
function normals(count: number, seed: number): Float64Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => {
    const size = Math.sqrt(-2 * Math.log(uniform()));
    return size * Math.cos(2 * Math.PI * uniform());
  });
}

const [ROWS, COLUMNS, RANK] = [160, 120, 12];

function values(seed: number, strength = 1): Float64Array {
  const b = normals(ROWS * RANK, seed);
  const a = normals(RANK * COLUMNS, seed + 1);
  a.subarray(0, COLUMNS).forEach((value, at, row) => {
    row[at] = strength * value;
  });
  return lowRankValues({ scale: 0.3, rows: ROWS, columns: COLUMNS, rank: RANK, a, b }).values;
}

test('nothing of a product of random factors is above the edge, whatever the scale', () => {
  for (const seed of [3, 17, 99, 1234])
    assert.equal(productEdge(values(seed), ROWS, COLUMNS, RANK)?.above, 0);
});

test('a rank that is much stronger than the others is above it', () => {
  for (const seed of [3, 17, 99, 1234])
    assert.equal(productEdge(values(seed, 4), ROWS, COLUMNS, RANK)?.above, 1);
});

test('dead ranks do not lower the level, and few ranks have no edge', () => {
  const singular = Float64Array.of(8, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0);
  const found = productEdge(singular, 1200, 1200, 12);
  assert.ok(found);
  assert.ok(Math.abs(found.edge - 1.1 ** 2) < 1e-12);
  assert.equal(found.above, 1);
  assert.equal(productEdge(Float64Array.of(2, 1, 1, 0), 100, 100, 4), null);
  assert.equal(productEdge(new Float64Array(8), 100, 100, 8), null);
});
