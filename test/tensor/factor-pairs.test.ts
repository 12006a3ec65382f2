import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { arrowPrototype, prototypeCosine } from '../../src/tensor/arrow-prototype';
import { forFactorPairs, innerOf } from '../../src/tensor/factor-products';
import { factorPairs } from '../../src/tensor/kernels/factor-pairs';
import { transposed } from '../../src/tensor/linear/dense';
import type { FactorPairs, MatrixTerm } from '../../src/tensor/matrix-source';
import { OpenFiles } from '../../src/tensor/open-files';
import type { LowRankDelta } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';
import { temporaryFolder } from '../model/write-safetensors';
import { random } from './linear/matrices';

const [ROWS, COLUMNS] = [83, 301];

function deltaOf(rank: number, seed: number): LowRankDelta {
  const values = (rows: number, columns: number, own: number) =>
    Float64Array.from(random(rows, columns, own).values, Math.fround);
  return {
    scale: 1 + (seed % 5) / 7,
    rank,
    rows: ROWS,
    columns: COLUMNS,
    b: values(ROWS, rank, 2 * seed),
    a: values(rank, COLUMNS, 2 * seed + 1),
  };
}

const base: TensorSpan = {
  path: '',
  offset: 0,
  bytes: 4 * ROWS * COLUMNS,
  dtype: 'F32',
  shape: [ROWS, COLUMNS],
  count: ROWS * COLUMNS,
};

const termOf = (delta: LowRankDelta): MatrixTerm => ({
  kind: 'delta',
  weight: 1,
  base,
  task: { kind: 'lowRank', delta },
});

function pairsOf(terms: readonly MatrixTerm[], left: number | null = null): FactorPairs {
  const files = new OpenFiles();
  const found = factorPairs({ rows: ROWS, columns: COLUMNS, terms }, left, files, () => undefined);
  files.close();
  return found;
}

/** Every figure next to the one from products in float64. */
function agree(
  found: FactorPairs,
  deltas: readonly LowRankDelta[],
  isAsked = (_: number, __: number) => true,
) {
  const n = deltas.length;
  const sizes = new Float64Array(n);
  forFactorPairs(deltas, (i, j, products) => {
    const x = deltas[i];
    if (x && i === j) sizes[i] = Math.sqrt(innerOf(x, x, products));
  });
  const prototypes = deltas.map((delta) => arrowPrototype(delta));
  prototypes.forEach((prototype, i) => {
    assert.ok(Math.abs((found.shares[i] ?? NaN) - (prototype?.share ?? NaN)) < 1e-6);
  });
  forFactorPairs(deltas, (i, j, products) => {
    const [x, y, v, w] = [deltas[i], deltas[j], prototypes[i], prototypes[j]];
    assert.ok(x && y && v && w);
    const [inner = NaN, cosine = NaN] = [found.inner[i * n + j], found.prototypes[i * n + j]];
    if (!isAsked(i, j)) return assert.deepEqual([inner, cosine], [0, NaN]);
    const size = (sizes[i] ?? NaN) * (sizes[j] ?? NaN);
    assert.ok(Math.abs(inner - innerOf(x, y, products)) < 1e-6 * size, `${String(i)} ${String(j)}`);
    assert.ok(Math.abs(cosine - prototypeCosine(v, w, products.a)) < 1e-5, `v ${String(i)} ${String(j)}`);
  });
}

test('inner products and prototypes of many deltas are those of float64, whatever their ranks', () => {
  // Several runs and strips of stacked factors.
  const deltas = Array.from({ length: 90 }, (_, at) => deltaOf(1 + ((at * 5) % 17), at + 1));
  const terms = deltas.map(termOf);
  agree(pairsOf(terms), deltas);
  agree(pairsOf(terms, 37), deltas, (i, j) => i < 37 && j >= 37);
});

test('factors are read as they are stored, and the other way round', () => {
  const deltas = [3, 8, 5].map((rank, at) => deltaOf(rank, at + 1));
  const folder = temporaryFolder();
  const span = (name: string, shape: [number, number], values: Float64Array, dtype: 'F32' | 'F64') => {
    const file = path.join(folder, name);
    const stored = dtype === 'F32' ? Float32Array.from(values) : values;
    fs.writeFileSync(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    return { path: file, offset: 0, bytes: stored.byteLength, dtype, shape, count: values.length };
  };
  const terms = deltas.map(({ a, b, rank, scale }, at): MatrixTerm => {
    const dtype = at === 1 ? 'F64' : 'F32';
    const isTurned = at === 2;
    const wide = isTurned ? transposed({ rows: ROWS, columns: rank, values: b }).values : a;
    const tall = isTurned ? transposed({ rows: rank, columns: COLUMNS, values: a }).values : b;
    const [inputs, outputs] = isTurned ? [ROWS, COLUMNS] : [COLUMNS, ROWS];
    const stored = {
      a: span(`a${String(at)}`, [rank, inputs], wide, dtype),
      b: span(`b${String(at)}`, [outputs, rank], tall, dtype),
    };
    return {
      kind: 'delta',
      weight: 1,
      base,
      task: { kind: 'stored', scale, rank, transposed: isTurned, ...stored },
    };
  });
  agree(pairsOf(terms), deltas);
});

test('factors that cancel, or are beyond float32, are multiplied in float64', () => {
  const deltas = [1, 2, 3, 4].map((seed) => deltaOf(8, seed));
  const [first] = deltas;
  assert.ok(first);
  // The second half of the columns of B takes back the first, but for a little.
  const b = first.b.map((value, at) =>
    at % 8 < 4 ? value : -(first.b[at - 4] ?? NaN) * (1 + 1e-6 * Math.sin(at)),
  );
  const a = first.a.map((_, at) => first.a[at % (4 * COLUMNS)] ?? NaN);
  agree(pairsOf([...deltas, { ...first, a, b }].map(termOf)), [...deltas, { ...first, a, b }]);
  const tiny = deltas.map((delta) => ({ ...delta, b: delta.b.map((value) => value * 1e-30) }));
  agree(pairsOf(tiny.map(termOf)), tiny);
});

test('a delta with NaN is named, and says nothing of the others', () => {
  const deltas = [1, 2, 3].map((seed) => deltaOf(8, seed));
  const broken = { ...deltaOf(8, 4), a: deltaOf(8, 4).a.fill(NaN, 3, 4) };
  const found = pairsOf([...deltas, broken].map(termOf));
  assert.deepEqual(found.notFinite, [3]);
  const alone = pairsOf(deltas.map(termOf));
  for (const [i, j] of [[0, 0], [0, 2], [1, 2]] as const) {
    const [own = NaN, wanted = NaN] = [found.inner[i * 4 + j], alone.inner[i * 3 + j]];
    const size = Math.sqrt((alone.inner[i * 4] ?? NaN) * (alone.inner[j * 4] ?? NaN));
    assert.ok(Math.abs(own - wanted) < 1e-6 * size);
  } // prettier-ignore
});
